"""RunTable: the checked observations of a study, read from and written to disk."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayeslaw.data.losses.loss_columns import RUNS
from bayeslaw.data.losses.loss_reading import (
    CheckedRows,
    Reading,
    read_checked,
    rows_checked,
)
from bayeslaw.data.losses.loss_summary import summarise
from bayeslaw.data.table import arrays, checked_mask, write_columns

if TYPE_CHECKING:
    import numpy as np
    import pandas


@dataclass(frozen=True, eq=False)
class RunTable:
    """The observation table: one row per (run, N, D, schedule, family, metric).

    Attributes:
      columns: canonical name -> array (row,). Every column of `columns.RUNS` but
        `mixture` is there, and the user's own columns that were kept. Numbers are
        float64 with NaN where not given, words are objects with "" where not given.
        The arrays are read-only.
      mixtures: run -> {family: ratio}, the whole mixture; empty without ratios.
      source: path as given.
      sha256: hash of the content: columns that hold anything, their values in row
        order, and the mixtures. Column order, names, file format and kept columns do
        not matter.
      notes: what was assumed, ignored or excluded, one sentence each.
      lines: row number in the file of each row (row,), the header being line 1.
    """

    columns: "Mapping[str, np.ndarray]"
    mixtures: Mapping[str, Mapping[str, float]]
    source: str
    sha256: str
    notes: tuple[str, ...]
    lines: "np.ndarray"

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def families(self) -> tuple[str, ...]:
        """The families with observations, in order of first appearance."""
        return tuple(dict.fromkeys(self.columns["family"].tolist()))

    @property
    def runs(self) -> tuple[str, ...]:
        """The runs, in order of first appearance."""
        return tuple(dict.fromkeys(self.columns["run"].tolist()))

    @property
    def has_ratios(self) -> bool:
        """Whether sampling ratios are given, for all rows or for none."""
        import numpy as np

        return not np.isnan(self.columns["p"]).any()

    def select(self, mask: "np.ndarray", *, why: str) -> "RunTable":
        """Return the rows where mask is True; `notes` says what was left out, and why.

        Args:
          mask: booleans. Shape (row,).
          why: the reason; the report shows it after "excluded ... rows: ".

        Raises:
          InputError: the mask does not fit the table, or excludes all of it.

        Example:
          >>> cooled = table.select(table.columns["schedule"] == "cooled",
          ...                       why="trunk checkpoints")
        """
        mask = checked_mask(mask, len(self), self.source, why)
        note = f"excluded {int((~mask).sum())} of {len(self)} rows: {why}"
        columns = {name: cells[mask].tolist() for name, cells in self.columns.items()}
        kept = set(columns["run"])
        mixtures = {run: mix for run, mix in self.mixtures.items() if run in kept}
        lines = self.lines[mask].tolist()
        notes = (*self.notes, note)
        return _table(CheckedRows(columns, mixtures, self.source, notes, lines))

    def summary(self) -> dict[str, Any]:
        """Return counts, ranges and notes, ready for JSON; see `summarise`."""
        return summarise(self._checked()) | {"sha256": self.sha256}

    def to_pandas(self) -> "pandas.DataFrame":
        """Return the columns as a DataFrame, one row per observation."""
        import pandas as pd

        return pd.DataFrame(dict(self.columns))

    def _checked(self) -> CheckedRows:
        columns = {name: cells.tolist() for name, cells in self.columns.items()}
        lines = self.lines.tolist()
        return CheckedRows(columns, self.mixtures, self.source, self.notes, lines)


def read_runs(
    path: str | Path,
    *,
    origin: str | None = None,
    unit: str | None = None,
    mixtures: str | Path | None = None,
    normalise_mixtures: bool = False,
    keep: Sequence[str] = (),
) -> RunTable:
    """Read and check a table of observations.

    Args:
      path: a CSV (also .csv.gz) or Parquet file, long or wide, or a directory that
        holds metrics.csv and ratios.csv, joined on `run`. The whole mixture of a run
        comes from the column `mixture`, from a file of mixtures, or from its rows. A
        table without any ratio is read too; only laws without ratios can use it.
      origin: measured, published or simulated; fills a column that is not given.
      unit: unit of the values, e.g. bits/byte; fills a column that is not given.
      mixtures: file of mixtures, one row for each `run`, or for each `mixture_id` that
        the table's rows name. Without it `<table>_mixtures.csv` or `mixtures.csv`
        next to the table is read, if there is one.
      normalise_mixtures: divide the ratios of a run by their sum if rounding moved it
        away from 1, by at most 0.02; the notes state how many and how far.
      keep: the user's own columns to keep as text, for selecting rows.

    Returns:
      The table. Its `notes` list whatever was assumed or ignored.

    Raises:
      InputErrors: all problems of the table, each with its row numbers.
      InputError: there is no table at `path` at all.

    Example:
      >>> table = read_runs("runs/sample-families/observations.csv")
      >>> table.families
    """
    reading = Reading(origin, unit, mixtures, normalise_mixtures, tuple(keep))
    return _table(read_checked(path, reading))


def table_from_rows(
    rows: Sequence[Mapping[str, Any]],
    *,
    source: str = "rows",
    normalise_mixtures: bool = False,
    keep: Sequence[str] = (),
) -> RunTable:
    """Make a table from rows given as dictionaries, checked like those of a file.

    Example:
      >>> table_from_rows([{"run": "r1", "origin": "simulated", "N": 1e6, "D": 1e8,
      ...                   "family": "all", "p": 1.0, "unit": "bits/byte",
      ...                   "value": 1.2}])
    """
    reading = Reading(normalise_mixtures=normalise_mixtures, keep=tuple(keep))
    return _table(rows_checked(rows, source, reading))


def write_runs(table: RunTable, path: str | Path) -> None:
    """Write a table to CSV or Parquet, depending on the extension of its name.

    Reading the file gives the same table back, with its own source, notes and row
    numbers: these are not part of the content.
    """
    checked = table._checked()
    columns = dict(checked.columns)
    if table.has_ratios:
        columns["mixture"] = [
            json.dumps(dict(table.mixtures[run]), ensure_ascii=False)
            for run in checked.columns["run"]
        ]
    write_columns(columns, RUNS, path, "write_runs")


def _table(rows: CheckedRows) -> RunTable:
    import numpy as np  # see reading.py

    return RunTable(
        arrays(rows.columns, RUNS),
        rows.mixtures,
        rows.source,
        rows.sha256,
        rows.notes,
        np.array(rows.lines, dtype=int),
    )
