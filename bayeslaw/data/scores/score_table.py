"""CurveTable: the checked downstream scores of a study, read from and kept on disk."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayeslaw.data.scores.curve import Curve, curve_of_rows, rows_of_curves
from bayeslaw.data.scores.score_columns import CURVES
from bayeslaw.data.scores.score_reading import CheckedCurves, read_checked, rows_checked
from bayeslaw.data.scores.score_summary import summarise
from bayeslaw.data.table import arrays, checked_mask, write_columns

if TYPE_CHECKING:
    import numpy as np
    import pandas


@dataclass(frozen=True, eq=False)
class CurveTable:
    """Downstream scores: one row per run, task, D_p, fine-tuning set and metric.

    A *curve* is a score as a function of D_p, the tokens of pretraining, for one task,
    pretraining mixture, size N, fine-tuning set (D_f, pairs) and metric. Rows with
    D_p = 0 are no points of a curve; they are what all mixtures are compared with.

    Attributes:
      columns: canonical name -> array (row,). Every column of `columns.CURVES` but
        `mixture` is there. Numbers are float64 with NaN where not given, words are
        objects with "" where not given. The arrays are read-only.
      mixtures: pretraining_mix -> {language or family: ratio}, where given.
      source: path as given.
      sha256: hash of the content: columns that hold anything, their values in row
        order, and the mixtures. Column order, names and file format do not matter.
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
    def curves(self) -> tuple[Curve, ...]:
        """The distinct curves, in order of first appearance."""
        return tuple(rows_of_curves(self._lists()))

    @property
    def runs(self) -> tuple[str, ...]:
        """The runs, in order of first appearance."""
        return tuple(dict.fromkeys(self.columns["run"].tolist()))

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks, in order of first appearance."""
        return tuple(dict.fromkeys(self.columns["task"].tolist()))

    @property
    def units(self) -> dict[str, str]:
        """Unit of each metric, in order of first appearance."""
        names = (self.columns[name].tolist() for name in ("metric", "unit"))
        return dict(zip(*names, strict=True))

    def rows_of(self, curve: Curve) -> "np.ndarray":
        """Return which rows are points of a curve, of all its seeds. Shape (row,).

        Example:
          >>> curve, values = table.curves[0], table.columns["value"]
          >>> without = values[table.rows_of(curve.baseline)].mean()
          >>> values[table.rows_of(curve)] - without
        """
        import numpy as np

        return np.array([c == curve for c in curve_of_rows(self._lists())], dtype=bool)

    def select(self, mask: "np.ndarray", *, why: str) -> "CurveTable":
        """Return the rows where mask is True; `notes` says what was left out, and why.

        Args:
          mask: booleans. Shape (row,).
          why: the reason; the report shows it after "excluded ... rows: ".

        Raises:
          InputError: the mask does not fit the table, or excludes all of it.

        Example:
          >>> bleu = table.select(table.columns["metric"] == "bleu", why="not BLEU")
        """
        mask = checked_mask(mask, len(self), self.source, why)
        note = f"excluded {int((~mask).sum())} of {len(self)} rows: {why}"
        columns = {name: cells[mask].tolist() for name, cells in self.columns.items()}
        kept = {
            mix
            for mix, tokens in zip(
                columns["pretraining_mix"], columns["D_p"], strict=True
            )
            if tokens > 0
        }
        mixtures = {name: mix for name, mix in self.mixtures.items() if name in kept}
        lines = self.lines[mask].tolist()
        notes = (*self.notes, note)
        return _table(CheckedCurves(columns, mixtures, self.source, notes, lines))

    def summary(self) -> dict[str, Any]:
        """Return counts, ranges, curves and notes, ready for JSON; see `summarise`."""
        checked = CheckedCurves(
            self._lists(), self.mixtures, self.source, self.notes, self.lines.tolist()
        )
        return summarise(checked) | {"sha256": self.sha256}

    def to_pandas(self) -> "pandas.DataFrame":
        """Return the columns as a DataFrame, one row per score."""
        import pandas as pd

        return pd.DataFrame(dict(self.columns))

    def _lists(self) -> dict[str, list[Any]]:
        return {name: cells.tolist() for name, cells in self.columns.items()}


def read_curves(
    path: str | Path, *, origin: str | None = None, unit: str | None = None
) -> CurveTable:
    """Read and check a table of downstream scores.

    Args:
      path: a CSV (also .csv.gz) or Parquet file, long (columns `metric` and `value`)
        or wide (a column for each metric, such as `bleu`, `chrf`, `cross_entropy`).
      origin: measured, published or simulated; fills a column that is not given.
      unit: unit of the values, e.g. bits/byte; fills a column that is not given. BLEU
        and chrF are always in points, so it applies to the other metrics if there are
        any.

    Returns:
      The table. Its `notes` list whatever was assumed or ignored.

    Raises:
      InputErrors: all problems of the table, each with its row numbers.
      InputError: there is no table at `path` at all, or it is one of losses.

    Example:
      >>> table = read_curves("translations.csv")
      >>> table.curves[0]
    """
    return _table(read_checked(path, origin, unit))


def curves_from_rows(
    rows: Sequence[Mapping[str, Any]],
    *,
    source: str = "rows",
    origin: str | None = None,
    unit: str | None = None,
) -> CurveTable:
    """Make a table from rows given as dictionaries, checked like those of a file.

    Example:
      >>> curves_from_rows([{"origin": "published", "task": "en-de", "D_p": 1e9,
      ...                    "pretraining_mix": "en", "bleu": 21.5}])
    """
    return _table(rows_checked(rows, source, origin, unit))


def write_curves(table: CurveTable, path: str | Path) -> None:
    """Write a table in long form to CSV or Parquet, depending on the extension.

    Reading the file gives the same table back, with its own source, notes and row
    numbers: these are not part of the content.
    """
    columns = table._lists()
    if table.mixtures:
        rows = zip(columns["pretraining_mix"], columns["D_p"], strict=True)
        mixtures = [table.mixtures.get(mix) if D_p > 0 else None for mix, D_p in rows]
        columns["mixture"] = [
            json.dumps(dict(mixture), ensure_ascii=False) if mixture else ""
            for mixture in mixtures
        ]
    write_columns(columns, CURVES, path, "write_curves")


def _table(rows: CheckedCurves) -> CurveTable:
    import numpy as np  # see reading.py

    return CurveTable(
        arrays(rows.columns, CURVES),
        rows.mixtures,
        rows.source,
        rows.sha256,
        rows.notes,
        np.array(rows.lines, dtype=int),
    )
