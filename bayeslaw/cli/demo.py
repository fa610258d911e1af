"""`bayeslaw demo`: the shipped study from its table to a report, command by command."""

import json
import shlex
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer

from bayeslaw.cli.check import check
from bayeslaw.cli.fit import fit
from bayeslaw.cli.ratios import ratios
from bayeslaw.cli.report import report
from bayeslaw.errors import InputError

VERBS = (fit, check, ratios, report)
STUDY_FILES = ("observations.csv", "study.toml", "README.md")
POSTERIOR, REPORT = "posterior.nc", "report.html"
# Where a built package holds the study; a checkout has it beside the package.
PACKAGED = Path(__file__).with_name("demo_study")
IN_CHECKOUT = Path(__file__).parents[2] / "runs/sample-families"
# The planned training: three times the largest proxy, five times the most bytes.
TARGET = ("--params", "1e6", "--tokens", "1e7")
# Hashes of the files that a demo has written, so that the next replaces only these.
RECORD = ".bayeslaw-demo.json"


def demo(
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder for the study and results.")
    ] = Path("bayeslaw-demo"),
) -> None:
    """Fit the shipped study, decide its ratios and write a report.

    Takes about a minute, and prints each command as you would type it.
    """
    written = _written(output)
    output.mkdir(parents=True, exist_ok=True)
    for name in STUDY_FILES:
        (output / name).write_bytes(shipped_study(name).read_bytes())
        _record(output, written, name)
    for words in demo_commands(output):
        print(f"$ {shlex.join(('bayeslaw', *words))}", flush=True)
        status = _run(words)
        _record(output, written, POSTERIOR, REPORT)
        if status:
            raise typer.Exit(status)
        print()
    print(f"The report is {output / REPORT}")


def shipped_study(name: str) -> Path:
    """Return a file of the shipped study."""
    return (PACKAGED if PACKAGED.is_dir() else IN_CHECKOUT) / name


def demo_commands(folder: Path) -> Iterator[tuple[str, ...]]:
    """Words of the commands on the study in a folder, in the order of their use."""
    table, posterior, page = (
        str(folder / name) for name in ("observations.csv", POSTERIOR, REPORT)
    )
    yield "fit", table, "--model", "token_drift", "-o", posterior
    yield "check", posterior
    yield "ratios", posterior, *TARGET
    yield "report", posterior, *TARGET, "-o", page


def _run(words: tuple[str, ...]) -> int:
    """Run one command in this process and return its exit status."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    for verb in VERBS:
        app.command()(verb)
    return app(list(words), prog_name="bayeslaw", standalone_mode=False) or 0


def _written(folder: Path) -> dict[str, str]:
    """Read what an earlier demo has written; refuse to replace any other file."""
    record = folder / RECORD
    written = json.loads(record.read_text()) if record.exists() else {}
    foreign = [
        name
        for name in (*STUDY_FILES, POSTERIOR, REPORT)
        if (folder / name).exists() and _digest(folder / name) != written.get(name)
    ]
    if foreign:
        raise InputError(
            "the demo would replace files that it has not written",
            f"option --output, {folder}",
            ", ".join(foreign),
            "a new folder, or one that only `bayeslaw demo` has written to",
            "name another folder with -o",
        )
    return written


def _record(folder: Path, written: dict[str, str], *names: str) -> None:
    for name in names:
        if (folder / name).exists():
            written[name] = _digest(folder / name)
    (folder / RECORD).write_text(json.dumps(written, indent=2) + "\n")


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()
