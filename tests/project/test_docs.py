"""What the documents say holds: commands, names, figures, priors, the quickstart."""

import ast
import math
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md"))]
SCRIPTS = sorted(ROOT.glob("docs/gallery/*.py"))
STUDY = Path("runs/sample-families")


def console_commands(document: Path) -> list[list[str]]:
    """Words of every command after `$` in the console blocks of a document."""
    blocks = re.findall(r"```console\n(.*?)```", document.read_text(), re.S)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [
        shlex.split(line[2:], comments=True) for line in lines if line.startswith("$ ")
    ]


def demo_commands() -> list[list[str]]:
    """Words of the bayeslaw commands that `make demo` runs."""
    shown = subprocess.run(
        ["make", "--dry-run", "demo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [
        ["bayeslaw", *shlex.split(line)[1:]]
        for line in shown.replace("\\\n", " ").splitlines()
        if line.startswith(".venv/bin/bayeslaw ")
    ]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_documented_commands_take_the_options_shown(document):
    import typer

    from bayeslaw.cli.main import app

    program_verbs = typer.main.get_command(app).commands
    for program, *words in console_commands(document):
        if program == "bayeslaw":
            verbs, arguments = program_verbs, words
            while verbs:
                verb, *arguments = arguments
                options = verbs[verb].params
                verbs = getattr(verbs[verb], "commands", None)
            known = {name for option in options for name in option.opts}
            used = {word for word in arguments if word.startswith("-")}
            assert used <= known | {"--help"}, f"{document.name}: {words}"


def test_every_public_name_is_on_a_reference_page():
    import bayeslaw

    pages = ROOT.glob("docs/reference/*.md")
    text = "\n".join(page.read_text() for page in pages if page.stem != "index")
    described = re.findall(r"^(?:\.\. py:data:: )?bayeslaw\.(\w+)$", text, re.M)
    assert set(bayeslaw.__all__) - set(described) == set()


def test_the_index_of_the_reference_lists_every_public_name():
    import bayeslaw

    text = (ROOT / "docs/reference/index.md").read_text()
    assert set(bayeslaw.__all__) - set(re.findall(r"\bbayeslaw\.(\w+)", text)) == set()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_figure_states_its_origin_and_is_in_the_gallery(script):
    source = script.read_text()
    _, _, caption = ast.get_docstring(ast.parse(source)).partition("\n\n")
    assert re.match(r"(Measured|Published|Simulated): ", caption)
    assert f'"docs/gallery/generated/{script.stem}.svg"' in source
    page = (ROOT / "docs/gallery/index.md").read_text()
    assert f"{{drawing}} {script.stem}\n" in page


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_a_figure_of_a_document_has_a_script(document):
    shown = re.findall(r"gallery/generated/(\w+)\.svg\)", document.read_text())
    assert set(shown) <= {script.stem for script in SCRIPTS}


def test_the_demo_is_the_quickstart_without_its_first_look():
    quickstart = [
        words
        for words in console_commands(ROOT / "docs/quickstart.md")
        if words[0] == "bayeslaw" and words[1] != "validate"
    ]
    assert demo_commands() == quickstart


def test_documented_default_priors_are_those_of_the_law():
    from bayeslaw.laws import LAWS

    page = (ROOT / "docs/explanation/priors.md").read_text()
    row = re.compile(r"\| `(\w+)` \| Normal\((.*), ([\d.]+)\) \| ([\d.]+) \|")
    documented = {
        name: (as_number(loc), float(scale), float(spread))
        for name, loc, scale, spread in row.findall(page)
    }
    law = LAWS["family_loss"]
    coordinates = law.extended([part.name for part in law.offered]).coordinates
    assert documented == {
        name: (coordinate.prior.loc, coordinate.prior.scale, coordinate.prior.spread)
        for name, coordinate in coordinates.items()
    }


def test_documented_ways_to_state_priors_are_read():
    from bayeslaw.model.spec import parse_spec

    page = (ROOT / "docs/how-to/set-priors.md").read_text()
    blocks = re.findall(r"```toml\n(.*?)```", page, re.S)
    assert len(blocks) == 4
    content = tomllib.loads("\n".join(blocks))
    spec = parse_spec({"name": "x", "law": "family_loss"} | content, "page")
    assert set(spec.priors) == {"log_gamma", "log_alpha", "drift"}


def as_number(text: str) -> float:
    """The value of `0.03`, `log 2` or `log(0.5 / 1.5)`."""
    if not text.startswith("log"):
        return float(text)
    numerator, denominator = re.fullmatch(
        r"log\(?\s*([\d.]+)(?: / ([\d.]+))?\)?", text
    ).groups(default="1")
    return math.log(float(numerator) / float(denominator))


@pytest.mark.slow
def test_the_quickstart_runs_from_end_to_end(tmp_path):
    shutil.copytree(
        ROOT / STUDY, tmp_path / STUDY, ignore=shutil.ignore_patterns("out")
    )
    for program, *words in console_commands(ROOT / "docs/quickstart.md"):
        if program == "bayeslaw":
            done = subprocess.run(
                [Path(sys.executable).with_name(program), *words],
                cwd=tmp_path,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    report = (tmp_path / STUDY / "out/report.html").read_text()
    assert report.lower().startswith("<!doctype html>")
