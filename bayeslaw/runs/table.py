"""RunTable: the observations of a study, read, checked and named once."""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bayeslaw.errors import InputError
from bayeslaw.runs.columns import COLUMNS

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, eq=False)
class RunTable:
    """The observation table: one row per (run, N, D, schedule, family, metric)."""

    columns: Mapping[str, np.ndarray]
    mixtures: Mapping[str, Mapping[str, float]]
    source: str
    sha256: str
    notes: tuple[str, ...] = ()
    lines: np.ndarray = field(default_factory=lambda: np.zeros(0, int))

    def __len__(self) -> int:
        return len(self.columns["value"])

    @property
    def families(self) -> tuple[str, ...]:
        """The families, in order of first appearance."""
        return tuple(dict.fromkeys(self.columns["family"].tolist()))

    @property
    def runs(self) -> tuple[str, ...]:
        """The runs, in order of first appearance."""
        return tuple(dict.fromkeys(self.columns["run"].tolist()))

    def select(self, mask: np.ndarray, *, why: str) -> "RunTable":
        """Returns the rows where mask is True; `notes` says what was left out."""
        mask = np.asarray(mask)
        note = f"excluded {int((~mask).sum())} of {len(self)} rows: {why}"
        columns = {name: cells[mask] for name, cells in self.columns.items()}
        kept = set(columns["run"].tolist())
        mixtures = {run: mix for run, mix in self.mixtures.items() if run in kept}
        return make_table(
            columns, mixtures, self.source, (*self.notes, note), self.lines[mask]
        )

    def to_pandas(self) -> "pandas.DataFrame":
        """Returns the columns as a DataFrame."""
        import pandas as pd

        return pd.DataFrame(dict(self.columns))


def make_table(
    columns: Mapping[str, np.ndarray],
    mixtures: Mapping[str, Mapping[str, float]],
    source: str,
    notes: tuple[str, ...],
    lines: np.ndarray,
) -> RunTable:
    """Returns a RunTable with the hash of its content."""
    digest = sha256(json.dumps(mixtures, sort_keys=True).encode())
    for name in sorted(columns):
        digest.update(name.encode() + json.dumps(columns[name].tolist()).encode())
    return RunTable(columns, mixtures, source, digest.hexdigest(), notes, lines)


def read_runs(
    path: str | Path, *, origin: str | None = None, unit: str | None = None
) -> RunTable:
    """Reads a table of observations (first version: long CSV)."""
    with Path(path).open(newline="", encoding="utf-8-sig") as handle:
        rows: list[dict[str, Any]] = list(csv.DictReader(handle))
    if not rows:
        raise InputError("no rows", str(path), "an empty table", "rows", "add rows")
    filled = {"origin": origin or "", "unit": unit or ""}
    filled |= {"schedule": "cooled", "metric": "loss"}
    columns: dict[str, np.ndarray] = {}
    for name, column in COLUMNS.items():
        cells = [row.get(name) or filled.get(name, "") for row in rows]
        columns[name] = (
            np.array([float(cell or "nan") for cell in cells])
            if column.is_number
            else np.array(cells, dtype=object)
        )
    mixtures: dict[str, dict[str, float]] = {}
    for run, family, p, text in zip(
        *(columns[name] for name in ("run", "family", "p", "mixture")), strict=True
    ):
        if text:
            mixtures[run] = json.loads(text)
        else:
            mixtures.setdefault(run, {})[family] = float(p)
    columns.pop("mixture")
    lines = np.arange(2, len(rows) + 2)
    return make_table(columns, mixtures, str(path), (), lines)
