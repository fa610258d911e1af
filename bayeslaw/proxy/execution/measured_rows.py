"""The tables of a study: their content and the rows that finished runs add.

Only the process that holds the study's lock writes them; see `executor`.
"""

import csv
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from bayeslaw.data.losses import append_rows
from bayeslaw.errors import InputError
from bayeslaw.proxy.study import Row, RunFolder, RunSpec


@dataclass(frozen=True)
class StudyTable:
    """One file of measured rows."""

    name: str
    key: tuple[str, ...]  # columns that make a row one and the same measurement
    rows: Callable[[RunFolder], list[Row]]  # of one run


LOSSES = StudyTable(
    "observations.csv",
    ("run", "D", "schedule", "family", "metric"),
    RunFolder.read_rows,
)
TRANSLATIONS = StudyTable(
    "translations.csv",
    ("run", "D_p", "task", "pairs", "metric"),
    RunFolder.read_translations,
)


def collect(folder: Path, runs: Iterable[RunFolder]) -> int:
    """Append the measured rows that the tables lack; return how many.

    Args:
      folder: the folder of the study.
      runs: the runs whose rows are collected.
    """
    runs = list(runs)
    return sum(_append(folder, table, runs) for table in (LOSSES, TRANSLATIONS))


def rows_by_run(folder: Path) -> Counter[str]:
    """Number of losses by run; empty when there is no table."""
    return Counter(row["run"] for row in _read_table(folder, LOSSES))


def check_table(folder: Path, specs: Iterable[RunSpec]) -> None:
    """Refuse a table whose rows were measured with other settings.

    Raises:
      InputError: the table has such rows; names the first runs.
    """
    wanted = {spec.run: f"spec {spec.hash}" for spec in specs}
    other = {
        row["run"]: row["versions"]
        for table in (LOSSES, TRANSLATIONS)
        for row in _read_table(folder, table)
        if not row["versions"].endswith(wanted.get(row["run"], ""))
    }
    if other:
        first = sorted(other)[:10]
        more = f" and {len(other) - 10} more" if len(other) > 10 else ""
        raise InputError(
            "the table contains runs that were measured with other settings",
            f"{folder / LOSSES.name}, runs {', '.join(first)}{more}",
            other[first[0]],
            f"{wanted[first[0]]}, the settings of the study file",
            "restore the study file, or move the changed study file to a new folder",
        )


def _append(folder: Path, table: StudyTable, runs: list[RunFolder]) -> int:
    known = {_key(row, table) for row in _read_table(folder, table)}
    measured = [row for run in runs for row in table.rows(run)]
    rows = [row for row in measured if _key(row, table) not in known]
    append_rows(folder / table.name, rows)
    return len(rows)


def _read_table(folder: Path, table: StudyTable) -> list[dict[str, str]]:
    try:
        with open(folder / table.name, newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except FileNotFoundError:
        return []


def _key(row: Row, table: StudyTable) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in table.key)
