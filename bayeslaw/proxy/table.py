"""The observation table of a study: what it holds and what finished runs add to it.

Only the process that holds the study's lock writes it; see `executor`.
"""

import csv
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from bayeslaw.errors import InputError
from bayeslaw.proxy.config import RunSpec
from bayeslaw.proxy.folder import Row, RunFolder
from bayeslaw.runs import append_rows

TABLE = "observations.csv"
# What makes a row one and the same measurement.
KEY = ("run", "D", "schedule", "family", "metric")


def collect(folder: Path, runs: Iterable[RunFolder]) -> int:
    """Appends the measured rows that the table lacks; returns how many.

    Args:
      folder: the folder of the study.
      runs: those whose rows are looked at.
    """
    known = {_key(row) for row in _read_table(folder)}
    rows = [row for run in runs for row in run.read_rows() if _key(row) not in known]
    append_rows(folder / TABLE, rows)
    return len(rows)


def rows_by_run(folder: Path) -> Counter[str]:
    """Number of rows of the table by run; empty when there is no table."""
    return Counter(row["run"] for row in _read_table(folder))


def check_table(folder: Path, specs: Iterable[RunSpec]) -> None:
    """Refuses a table whose rows were measured with other settings.

    Raises:
      InputError: naming the first such runs.
    """
    wanted = {spec.run: f"spec {spec.hash}" for spec in specs}
    other = {
        row["run"]: row["versions"]
        for row in _read_table(folder)
        if not row["versions"].endswith(wanted.get(row["run"], ""))
    }
    if other:
        first = sorted(other)[:10]
        more = f" and {len(other) - 10} more" if len(other) > 10 else ""
        raise InputError(
            "the table holds runs that were measured with other settings",
            f"{folder / TABLE}, runs {', '.join(first)}{more}",
            other[first[0]],
            f"{wanted[first[0]]}, the settings of the study file",
            "restore the study file, or give the changed study a folder of its own",
        )


def _read_table(folder: Path) -> list[dict[str, str]]:
    try:
        with open(folder / TABLE, newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except FileNotFoundError:
        return []


def _key(row: Row) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in KEY)
