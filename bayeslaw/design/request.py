"""Asking and telling: runs to make as a table to fill in, and results taken up."""

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bayeslaw.data.losses import RunTable, append_rows, read_runs
from bayeslaw.errors import InputError

if TYPE_CHECKING:
    from bayeslaw.design.plan import NextRun, NextRuns

COLUMNS = (
    "study run seed origin proxy N D schedule family p metric unit value se mixture"
).split()
# What makes two rows one and the same measurement.
KEY = ("run", "N", "D", "schedule", "family", "metric")


def write_request(
    chosen: "NextRuns", path: str | Path, *, study: str, metric: str, unit: str
) -> None:
    """Write the rows that chosen runs will yield, with `value` and `se` left empty.

    Args:
      chosen: result of `next_runs`.
      path: CSV file to write.
      study: first column of every row.
      metric: what is to be measured.
      unit: its unit.
    """
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    names = _names(chosen.runs)
    for run, name in zip(chosen.runs, names, strict=True):
        for D in run.tokens:
            for family in chosen.families:
                table.writerow(
                    {
                        "study": study,
                        "run": name,
                        "seed": run.seed,
                        "origin": "measured",
                        "proxy": run.proxy,
                        "N": f"{run.N:.10g}",
                        "D": f"{D:.10g}",
                        "schedule": "cooled",
                        "family": family,
                        "p": run.mixture[family],
                        "metric": metric,
                        "unit": unit,
                        "mixture": json.dumps(run.mixture),
                    }
                )
    Path(path).write_text(text.getvalue(), encoding="utf-8")


def _names(runs: "tuple[NextRun, ...]") -> list[str]:
    """Names that say size, mixture and seed."""
    found = []
    for run in runs:
        shares = "-".join(
            f"{name}{round(100 * share)}" for name, share in run.mixture.items()
        )
        name = f"{run.proxy}-{shares}-seed{run.seed}"
        # Shares in whole per cent may be those of another run.
        while name in found:
            name += "x"
        found.append(name)
    return found


@dataclass(frozen=True)
class Appended:
    """What was appended.

    Attributes:
      rows: rows added to the table.
      same: rows that it had already.
      left_out: columns of the results that the table does not have.
    """

    rows: int
    same: int
    left_out: tuple[str, ...]


def append_results(
    table: str | Path,
    results: str | Path,
    *,
    origin: str | None = None,
    unit: str | None = None,
) -> Appended:
    """Append measured rows to a table; rows that it has already are left alone.

    Args:
      table: the observation table, a CSV with bayeslaw's own column names.
      results: a table of further rows, such as one of `write_request` filled in.
      origin: origin of all further rows, where they name none.
      unit: unit of their values, where they name none.

    Returns:
      how many rows were appended; columns that the table lacks are left out and named.

    Raises:
      InputError: a row is wrong, or differs from one of the table; nothing is then
        appended.

    Example:
      >>> append_results("observations.csv", "next.csv").rows
      40
    """
    old, new = read_runs(table), read_runs(results, origin=origin, unit=unit)
    _require_same_units(old, new)
    known = {_key(old, i): old.columns["value"][i] for i in range(len(old))}
    rows, same = [], 0
    for i in range(len(new)):
        value = new.columns["value"][i]
        before = known.get(_key(new, i))
        if before is None:
            rows.append(_row(new, i))
        elif before == value:
            same += 1
        else:
            raise InputError(
                "a row of the results stands in the table with another value",
                f"{results}, row {new.lines[i]}",
                f"{value:.10g}, and {before:.10g} in {table}",
                "a row that the table lacks, or the same value",
                "give a run that was made again another name and seed",
            )
    with open(table, newline="", encoding="utf-8") as file:
        header = next(csv.reader(file))
    left_out = dict.fromkeys(name for row in rows for name in row if name not in header)
    kept = [{k: v for k, v in row.items() if k in header} for row in rows]
    append_rows(table, kept)
    return Appended(len(rows), same, tuple(left_out))


def _require_same_units(old: RunTable, new: RunTable) -> None:
    for name in ("metric", "unit"):
        known, given = set(old.columns[name]), set(new.columns[name])
        if not given <= known:
            raise InputError(
                f"another {name} than the table's",
                f"{new.source}, column {name}",
                ", ".join(sorted(given)),
                ", ".join(sorted(known)),
                "measure new runs as those before",
            )


def _key(table: RunTable, i: int) -> tuple[object, ...]:
    return tuple(table.columns[name][i] for name in KEY)


def _row(table: RunTable, i: int) -> dict[str, object]:
    """A row under the names of the columns, without those not given."""
    found: dict[str, object] = {}
    for name, values in table.columns.items():
        value = values[i]
        if value != "" and value == value:
            found[name] = value
    mixture = table.mixtures.get(table.columns["run"][i])
    return found | ({"mixture": dict(mixture)} if mixture else {})
