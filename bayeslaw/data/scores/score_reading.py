"""From a path to a checked table of scores, in plain Python.

numpy is left out on purpose; see `data.losses.loss_reading`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bayeslaw.data.losses import refuse_losses
from bayeslaw.data.scores import score_checks
from bayeslaw.data.scores.curve import NOT_PRETRAINED
from bayeslaw.data.scores.filling import with_runs, with_units
from bayeslaw.data.scores.metrics import ALLOWED_UNITS, ENTROPIES
from bayeslaw.data.scores.score_columns import CURVES
from bayeslaw.data.scores.score_notes import note_oddities
from bayeslaw.data.scores.score_shapes import canonical_cells
from bayeslaw.data.table import (
    FIXES,
    LOSS_UNITS,
    ORIGINS,
    Cells,
    Findings,
    cell_text,
    check_losses,
    check_required,
    check_unique,
    content_hash,
    filled,
    listed_words,
    numbers,
    read_cells,
    units,
    words,
)
from bayeslaw.errors import InputError

Columns = dict[str, list[Any]]

_KEY = ("run", "task", "pretraining_mix", "N", "D_p", "D_f", "pairs", "metric")
_REPEATED = (
    "give repeated pretrainings different run names, and scores on different test sets "
    "or with different decoding different tasks; delete only rows that are true "
    "duplicates"
)
_UNITS = (
    f"one of the first {len(LOSS_UNITS)} for cross-entropy, `points` for BLEU and "
    "chrF, `points` or `fraction` for COMET"
)
_AS_POINTS = "multiply BLEU and chrF by 100 if they are fractions, and write `points`"
_UNIT_FIXES = {**FIXES, **dict.fromkeys(("fraction", "%", "percent"), _AS_POINTS)}


@dataclass(frozen=True)
class CheckedCurves:
    """The content of a table that passed all checks, as lists; see CurveTable."""

    columns: Columns
    mixtures: Mapping[str, Mapping[str, float]]
    source: str
    notes: tuple[str, ...]
    lines: list[int]

    @property
    def sha256(self) -> str:
        """Hash of the content; see CurveTable."""
        return content_hash(self.columns, self.mixtures, CURVES)


def read_checked(
    path: str | Path, origin: str | None, unit: str | None
) -> CheckedCurves:
    """Return the rows of a table, or raise all its problems at once.

    Args and Raises: as `read_curves`.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(
            "a directory, not a table",
            str(path),
            "a directory",
            "a CSV or Parquet file",
            f"give the file, for example {path / 'translations.csv'}",
        )
    findings = Findings(str(path))
    return _check(read_cells(path, findings), origin, unit, findings)


def rows_checked(
    rows: Sequence[Mapping[str, Any]],
    source: str,
    origin: str | None,
    unit: str | None,
) -> CheckedCurves:
    """Return rows given as dictionaries, checked like those of a file."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {n: [cell_text(row.get(n)).strip() for row in rows] for n in names}
    cells = Cells(source, columns, list(range(1, len(rows) + 1)), header=tuple(names))
    return _check(cells, origin, unit, Findings(source))


def _check(
    cells: Cells, origin: str | None, unit: str | None, findings: Findings
) -> CheckedCurves:
    refuse_losses(cells)
    cells = canonical_cells(cells, findings)
    if not cells.lines:
        findings.problem(
            "no scores",
            cells.file,
            "no usable row",
            "at least one row with a value",
            "add rows, or fill in the values",
        )
        findings.raise_problems()
    cells = filled(cells, {"origin": origin}, findings)
    cells = with_units(cells, unit, findings)
    cells = with_runs(cells, findings)
    check_required(cells, CURVES, findings, optional=["run"])
    columns = _columns(cells, findings)
    _check_scores(cells, columns, findings)
    score_checks.check_pretraining(cells, columns, findings)
    score_checks.check_alignments(cells, columns, findings)
    mixtures = score_checks.mixtures_by_name(cells, columns, findings)
    key = [CURVES[name] for name in _KEY]
    check_unique(cells, columns, key, _REPEATED, findings)
    findings.raise_problems()
    note_oddities(cells, columns, findings)
    notes = tuple(findings.notes)
    return CheckedCurves(columns, mixtures, findings.source, notes, cells.lines)


def _columns(cells: Cells, findings: Findings) -> Columns:
    """Return all canonical columns but `mixture`, as numbers and words."""
    columns: Columns = {}
    for name, column in CURVES.columns.items():
        if column.is_number:
            columns[name] = numbers(cells, column, findings)
        elif name == "origin":
            columns[name] = listed_words(cells, column, ORIGINS, findings)
        elif name != "mixture":
            columns[name] = words(cells, column, findings)
    columns["pretraining_mix"] = [
        NOT_PRETRAINED if text.lower() == NOT_PRETRAINED else text
        for text in columns["pretraining_mix"]
    ]
    return columns


def _check_scores(cells: Cells, columns: Columns, findings: Findings) -> None:
    """Replace the units by canonical ones, and find values out of range."""
    metrics = columns["metric"]
    columns["unit"] = units(
        cells, columns["unit"], metrics, ALLOWED_UNITS, _UNITS, findings, _UNIT_FIXES
    )
    if "value" in cells.columns:
        is_loss = [metric in ENTROPIES for metric in metrics]
        check_losses(cells, columns["value"], is_loss, findings)
        score_checks.check_points(cells, columns, findings)
