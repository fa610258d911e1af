"""The repository as a whole: lock file, sizes, one version, commands that exist."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

import bayeslaw

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MAKE_TARGETS = set(re.findall(r"^(\w+):.*##", (ROOT / "Makefile").read_text(), re.M))


def committed_files() -> list[Path]:
    """Files that git knows; without git (an unpacked archive) the test is skipped."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    return [ROOT / name for name in listed if name and (ROOT / name).is_file()]


def locked_entries() -> list[str]:
    """One string per locked package: name==version, marker, hashes."""
    text = (ROOT / "requirements.lock").read_text()
    return text.replace("\\\n", " ").strip().splitlines()


def test_every_locked_package_has_a_version_and_hashes():
    entries = locked_entries()
    assert len(entries) > 50
    entry = re.compile(r"[\w.\[\]-]+==\S+( ;[^-]+?)?( +--hash=sha256:[0-9a-f]{64})+ *")
    assert [line for line in entries if not entry.fullmatch(line)] == []


def test_the_lock_names_no_host():
    text = (ROOT / "requirements.lock").read_text()
    assert re.findall(r".*(?:://|--(?:extra-)?index|--find-links| @ ).*", text) == []


def test_every_declared_dependency_is_locked():
    groups = PYPROJECT["dependency-groups"]
    extras = PYPROJECT["project"]["optional-dependencies"]
    declared = PYPROJECT["project"]["dependencies"] + [
        dependency
        for group in groups.values()
        for dependency in group
        if isinstance(dependency, str)
    ]
    # Accelerators cannot be installed everywhere; tests replace the library of the hub.
    for extra in extras.keys() - {"all", "cuda12", "cuda13", "hf", "tpu"}:
        declared += extras[extra]
    names = {re.match(r"[\w-]+", dependency)[0] for dependency in declared}
    locked = {re.match(r"[\w.-]+", line)[0] for line in locked_entries()}
    assert names - locked == set()


def test_the_extra_all_holds_every_extra_but_those_of_accelerators():
    extras = PYPROJECT["project"]["optional-dependencies"]
    named = re.fullmatch(r"bayeslaw\[(.*)\]", *extras["all"])[1]
    assert {*named.split(",")} == extras.keys() - {"all", "cuda12", "cuda13", "tpu"}


def test_extras_that_the_package_names_exist():
    named = {
        extra
        for module in ROOT.glob("bayeslaw/**/*.py")
        for extra in re.findall(
            r'require_extra\(\s*"\w+",\s*"(\w+)"', module.read_text()
        )
    }
    assert named == {"hf", "parquet", "scores", "slurm", "tensorboard"}
    assert named <= PYPROJECT["project"]["optional-dependencies"].keys()


def test_an_upper_bound_of_a_dependency_has_its_reason_above_it():
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    for dependency in PYPROJECT["project"]["dependencies"]:
        if re.search(r"<|==|~=", dependency):
            assert lines[lines.index(f'  "{dependency}",') - 1].startswith("  # ")


def test_no_committed_file_holds_a_path_of_one_machine():
    # Spelled in parts, so that this file does not find itself.
    path = re.compile(
        rb"(?:^|[^\w.])/(?:" + b"|".join([b"work", b"root", b"home"]) + b")/"
    )
    found = [
        f"{file.relative_to(ROOT)}: {line.decode(errors='replace').strip()[:100]}"
        for file in committed_files()
        if file.suffix not in {".gz", ".png", ".parquet", ".nc", ".zip"}
        for line in file.read_bytes().splitlines()
        if path.search(line)
    ]
    assert found == []


def test_every_module_has_at_most_300_lines():
    long = {
        str(module.relative_to(ROOT)): lines
        for module in ROOT.glob("bayeslaw/**/*.py")
        if (lines := len(module.read_text().splitlines())) > 300
    }
    assert long == {}


def code_lines(function: ast.FunctionDef) -> int:
    """Lines of a function without its docstring."""
    first = function.body[0]
    documented = ast.get_docstring(function) is not None
    docstring = first.end_lineno - first.lineno + 1 if documented else 0
    return function.end_lineno - function.lineno + 1 - docstring


def test_every_function_has_at_most_50_lines_of_code():
    long = [
        f"{module.relative_to(ROOT)}:{node.lineno} {node.name}"
        for module in ROOT.glob("bayeslaw/**/*.py")
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.FunctionDef) and code_lines(node) > 50
    ]
    assert long == []


def test_the_version_stands_in_one_place():
    assert PYPROJECT["project"]["dynamic"] == ["version"]
    version = re.compile(rf"version[\W_]+{re.escape(bayeslaw.__version__)}\b")
    places = [
        module.relative_to(ROOT).as_posix()
        for module in [*ROOT.glob("bayeslaw/**/*.py"), *ROOT.glob("docs/*.py")]
        if version.search(module.read_text())
    ]
    assert places == ["bayeslaw/__init__.py"]
    # This format needs a number of its own.
    citation = (ROOT / "CITATION.cff").read_text()
    assert f"\nversion: {bayeslaw.__version__}\n" in citation


def test_the_changelog_opens_with_the_unreleased_changes():
    titles = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert titles[0] == "Unreleased"


DOCUMENTS = ("README.md", "CONTRIBUTING.md", "docs/quickstart.md")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_of_the_documents_exist_as_make_targets(document):
    used = set(re.findall(r"(?:`|\$ )make (\w+)", (ROOT / document).read_text()))
    assert used
    assert used <= MAKE_TARGETS


def test_pre_commit_and_ci_run_the_same_commands():
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    script = (ROOT / ".ci/run").read_text()
    in_hooks = re.findall(r"entry: make (\w+)", hooks)
    in_ci = re.findall(r"^step .* make (\w+)$", script, re.M)
    assert in_ci[0] == "test"
    assert set(in_hooks) == set(in_ci) <= MAKE_TARGETS
    assert set(re.findall(r"repo: (\S+)", hooks)) == {"local"}


def test_set_up_without_a_new_enough_python_says_so_in_one_sentence(tmp_path):
    (tmp_path / ".ci").mkdir()
    script = tmp_path / ".ci/make-venv"
    script.write_text((ROOT / ".ci/make-venv").read_text())
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("dirname", "rm", "touch"):
        (tools / tool).symlink_to(Path("/usr/bin") / tool)
    (tools / "python3").write_text("#!/bin/sh\nexit 1\n")
    (tools / "python3").chmod(0o755)
    done = subprocess.run(
        ["/bin/bash", script], env={"PATH": str(tools)}, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "bayeslaw needs Python 3.12 or newer, and none was found on PATH.\n"
    )
    assert not (tmp_path / ".venv").exists()
