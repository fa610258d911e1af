"""What the command line prints: tables for people, JSON for programs, progress."""

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray as xr

    from bayeslaw.checks import Checks
    from bayeslaw.decision import Decision
    from bayeslaw.sampler import Report

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
    """Print sentences, wrapped to the terminal, without reading them as markup."""
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


def print_fit(posterior: "xr.DataTree", path: Path, *, as_json: bool) -> None:
    """Print what was fitted and the interval of every parameter of the law."""
    from bayeslaw.posterior import provenance, spec_of

    record = provenance(posterior)
    draws = posterior["posterior"].dataset
    names = spec_of(posterior).law_record.parameters
    n_rows = posterior["observed_data"].sizes["observation"]
    diverged = int(posterior["sample_stats"]["diverging"].sum())
    quantiles = draws[list(names)].quantile([0.05, 0.5, 0.95], ("chain", "draw"))
    intervals = {
        str(family): {
            name: dict(
                zip(
                    ("lower", "median", "upper"),
                    quantiles[name].values[:, i].tolist(),
                    strict=True,
                )
            )
            for name in names
        }
        for i, family in enumerate(draws["family"].values)
    }
    if as_json:
        print_json(
            {"posterior": str(path), "rows": n_rows, "divergences": diverged}
            | {name: record[name] for name in ("origin", "unit", "notes")}
            | {"probability": 0.9, "parameters": intervals}
        )
        return
    print_lines(record["notes"])
    print_table(
        f"Median and 90 % interval ({', '.join(record['origin'])} rows; E, A, B at "
        f"p = 1 in {', '.join(record['unit'])})",
        ["family", "", *names],
        list(_interval_rows(intervals)),
    )
    print(
        f"{n_rows} rows, {draws.sizes['chain']} x {draws.sizes['draw']} draws, "
        f"{diverged} divergent: {path}"
    )


def _interval_rows(
    intervals: Mapping[str, Mapping[str, Mapping[str, float]]],
) -> Iterator[list[str]]:
    """Three rows a family: an interval in one cell would wrap on 80 columns."""
    for family, parameters in intervals.items():
        for bound in ("lower", "median", "upper"):
            values = [f"{interval[bound]:.3g}" for interval in parameters.values()]
            yield [family if bound == "median" else "", bound, *values]


def print_checks(checks: "Checks") -> None:
    """Print the verdicts of a posterior's checks, with advice where it is needed."""
    for check in checks.checks:
        wanted = f" (wanted {check.threshold})" if check.threshold else ""
        line = f"{check.verdict:<5} {check.name}: {check.value}{wanted}"
        _print_styled(line, VERDICT_STYLES[check.verdict])
        if check.verdict != "ok" and check.advice:
            _print_styled(f"      {check.advice}", "dim")
    n_failed = len(checks.failures)
    print(f"{n_failed} failed" if n_failed else "no check failed")


def _print_styled(line: str, style: str) -> None:
    from rich.console import Console
    from rich.text import Text

    Console(highlight=False).print(Text(line, style=style), soft_wrap=True)


def print_decision(decision: "Decision", *, pairs: bool = False) -> None:
    """Print recommended ratios, compared mixtures and what the numbers mean.

    Args:
      decision: result of `optimal_ratios`.
      pairs: print too how probably each compared mixture is better than each other.
    """
    share = f"{decision.probability:.0%}"
    print_table(
        f"Ratios ({decision.origin} rows)",
        ["family", "recommended", f"optimum, {share} interval", "flat range"],
        [
            [
                family,
                f"{decision.ratios[family]:.3f}",
                f"{decision.lower[family]:.3f} - {decision.upper[family]:.3f}",
                f"{decision.flat_lower[family]:.3f} - "
                f"{decision.flat_upper[family]:.3f}",
            ]
            for family in decision.families
        ],
    )
    print()
    print_lines(decision.sentences())
    if pairs:
        print()
        _print_pairs(decision)


def _print_pairs(decision: "Decision") -> None:
    """Rows A, columns B: names are long, so the columns have their rows' numbers."""
    from bayeslaw.decision import probability

    names = list(decision.p_better)
    # No title of the table: it would wrap at the width of few columns.
    print(f"P(row has a lower loss than column), {decision.origin} rows")
    print_table(
        "",
        ["", *(str(i) for i in range(1, len(names) + 1))],
        [
            [
                f"{i} {name}",
                *(
                    "–"
                    if rival == name
                    else probability(decision.p_better[name][rival])
                    for rival in names
                ),
            ]
            for i, name in enumerate(names, start=1)
        ],
    )


@contextmanager
def sampling_progress(*, quiet: bool) -> "Iterator[Report | None]":
    """Yields a progress callback for `fit` that draws a bar on standard error."""
    with _bar("compiling", "iterations", quiet=quiet) as update:
        if update is None:
            yield None
            return

        def report(phase: str, done: int, total: int, diverged: int) -> None:
            update(f"{phase}, {diverged} divergences", done, total)

        yield report


@contextmanager
def study_progress(*, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Yields a progress callback for `calibrate`, likewise."""
    with _bar("fitting", "studies", quiet=quiet) as update:
        yield partial(update, "fitting") if update else None


@contextmanager
def _bar(
    doing: str, unit: str, *, quiet: bool
) -> Iterator[Callable[[str, int, int], None] | None]:
    """Yields what sets a bar to (doing, done, total); None if none is to be seen."""
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
