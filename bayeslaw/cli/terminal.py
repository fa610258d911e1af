"""Tables for people, JSON for programs, progress bars."""

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bayeslaw.checks import Checks
    from bayeslaw.inference import Report

VERDICT_STYLES = {"ok": "green", "note": "cyan", "warn": "yellow", "fail": "bold red"}


def print_json(record: Mapping[str, Any]) -> None:
    """Print a record as JSON; infinities and NaN, which JSON lacks, become null."""
    print(json.dumps(_finite(record), indent=2, ensure_ascii=False))


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def print_lines(lines: Sequence[str]) -> None:
    """Print sentences wrapped to the terminal, without interpreting markup."""
    from rich.console import Console

    console = Console(highlight=False)
    for line in lines:
        console.print(line, markup=False)


def print_table(
    title: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
) -> None:
    """Print a table; the first column is text, the others are right-aligned."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for position, name in enumerate(header):
        table.add_column(name, justify="left" if position == 0 else "right")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console(highlight=False).print(table)


def print_checks(checks: "Checks") -> None:
    """Print the verdict of each check, with advice where it is needed."""
    for check in checks.checks:
        limit = f" (limit: {check.threshold})" if check.threshold else ""
        line = f"{check.verdict:<5} {check.name}: {check.value}{limit}"
        _print_styled(line, VERDICT_STYLES[check.verdict])
        if check.verdict != "ok" and check.advice:
            _print_styled(f"      {check.advice}", "dim")
    n_failed = len(checks.failures)
    noun = "check" if n_failed == 1 else "checks"
    print(f"{n_failed} {noun} failed" if n_failed else "no check failed")


def _print_styled(line: str, style: str) -> None:
    from rich.console import Console
    from rich.text import Text

    Console(highlight=False).print(Text(line, style=style), soft_wrap=True)


@contextmanager
def sampling_progress(*, quiet: bool) -> "Iterator[Report | None]":
    """Yield a progress callback for `fit` that draws a bar on standard error."""
    with _bar("compiling", "iterations", quiet=quiet) as update:
        if update is None:
            yield None
            return

        def report(phase: str, done: int, total: int, diverged: int) -> None:
            update(f"{phase}, {diverged} divergences", done, total)

        yield report


@contextmanager
def study_progress(*, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Yield a progress callback for `calibrate` that draws a bar likewise."""
    with _bar("fitting", "studies", quiet=quiet) as update:
        yield partial(update, "fitting") if update else None


@contextmanager
def _bar(
    doing: str, unit: str, *, quiet: bool
) -> Iterator[Callable[[str, int, int], None] | None]:
    """Yield a function that sets a bar to (doing, done, total); None if hidden."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn(f"{{task.completed}}/{{task.total}} {unit}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task(doing, total=None)
        yield lambda doing, done, total: progress.update(
            bar, description=doing, completed=done, total=total
        )
