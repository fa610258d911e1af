"""From a path to a checked table, in plain Python.

numpy is left out on purpose: importing it costs more than all the checks of a table
of 5,000 rows, and `bayeslaw validate` needs none of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bayeslaw.data.losses import mixtures, ratio_files
from bayeslaw.data.losses.kind import refuse_scores
from bayeslaw.data.losses.loss_columns import RUNS
from bayeslaw.data.losses.loss_shapes import canonical_cells
from bayeslaw.data.table import (
    CONSTANT_IN_A_RUN,
    LOSS_UNITS,
    ORIGINS,
    SCHEDULES,
    Cells,
    Findings,
    cell_text,
    check_losses,
    check_required,
    check_runs,
    check_unique,
    content_hash,
    filled,
    listed_words,
    note_oddities,
    numbers,
    quoted,
    read_cells,
    units,
    words,
)
from bayeslaw.errors import InputError

Columns = dict[str, list[Any]]

_KEY = ("run", "N", "D", "schedule", "family", "metric")
_REPEATED = (
    "give repeated trainings different run names, and losses on different held-out "
    "sets different metrics; delete only rows that are true duplicates"
)
_NO_RATIOS = (
    "{}: no sampling ratios are given, so only laws without ratios can be fitted; if "
    "the runs were trained on mixtures, add a column `p` or a file of mixtures"
)


@dataclass(frozen=True)
class Reading:
    """Facts about a table that its file does not state; see `read_runs`."""

    origin: str | None = None
    unit: str | None = None
    mixtures: str | Path | None = None
    normalise_mixtures: bool = False
    keep: Sequence[str] = ()

    @property
    def tolerance(self) -> float:
        """How far the sum of a mixture may be from 1."""
        return mixtures.ROUNDED if self.normalise_mixtures else mixtures.TOLERANCE


@dataclass(frozen=True)
class CheckedRows:
    """The content of a table that passed all checks, as lists; see RunTable."""

    columns: Columns
    mixtures: Mapping[str, Mapping[str, float]]
    source: str
    notes: tuple[str, ...]
    lines: list[int]

    @property
    def sha256(self) -> str:
        """Hash of the content; see RunTable."""
        return content_hash(self.columns, self.mixtures, RUNS)


def read_checked(path: str | Path, reading: Reading) -> CheckedRows:
    """Return the rows of a table, or raise all its problems at once.

    Args and Raises: as `read_runs`.
    """
    path = Path(path)
    findings = Findings(str(path))
    if path.is_dir():
        return _read_pair(path, findings, reading)
    cells = read_cells(path, findings)
    refuse_scores(cells)
    cells = canonical_cells(cells, findings, reading.keep)
    file = Path(reading.mixtures) if reading.mixtures else ratio_files.beside(path)
    stated: Mapping[str, mixtures.Mixture] = {}
    if file:
        ratios = ratio_files.read_ratio_file(file, reading.tolerance, findings)
        stated = ratio_files.by_run(cells, ratios, findings)
        unused = len(set(ratios.mixtures) - set(cells.columns.get(ratios.key, [])))
        noun = "runs" if ratios.key == "run" else "mixtures"
        findings.note(
            f"mixtures read from {file.name}"
            + (f"; it has {unused} {noun} that the table lacks" if unused else "")
        )
    return check(cells, stated, findings, reading)


def _read_pair(path: Path, findings: Findings, reading: Reading) -> CheckedRows:
    table, ratios = path / "metrics.csv", path / "ratios.csv"
    if not (table.is_file() and ratios.is_file()):
        held = sorted(
            p.name for p in path.iterdir() if p.suffix in (".csv", ".parquet")
        )
        near = (
            "observations.csv" if "observations.csv" in held else next(iter(held), "")
        )
        raise InputError(
            "a directory, not a table",
            str(path),
            f"a directory with {quoted(held) if held else 'no CSV or Parquet file'}",
            "a CSV or Parquet file, or a directory with metrics.csv and ratios.csv",
            f"give the file: {path / near}" if near else "give the file of the table",
        )
    cells = canonical_cells(read_cells(table, findings), findings, reading.keep)
    file = ratio_files.read_ratio_file(ratios, reading.tolerance, findings)
    of_runs = ratio_files.by_run(cells, file, findings)
    ratio_files.check_joined(cells, of_runs, ratios.name, findings)
    return check(cells, of_runs, findings, reading)


def rows_checked(
    rows: Sequence[Mapping[str, Any]], source: str, reading: Reading
) -> CheckedRows:
    """Return rows given as dictionaries, checked like those of a file."""
    findings = Findings(source)
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {n: [cell_text(row.get(n)).strip() for row in rows] for n in names}
    cells = Cells(source, columns, list(range(1, len(rows) + 1)), header=tuple(names))
    refuse_scores(cells)
    return check(canonical_cells(cells, findings, reading.keep), {}, findings, reading)


def check(
    cells: Cells,
    beside: Mapping[str, mixtures.Mixture],
    findings: Findings,
    reading: Reading,
) -> CheckedRows:
    """Return the checked content of canonical cells, or raise all problems.

    Args:
      cells: canonical long cells.
      beside: run -> mixture from a file beside the table; may be empty.
      findings: problems and notes so far.
      reading: facts that the caller states about the table.
    """
    if not cells.lines:
        findings.problem(
            "no observations",
            cells.file,
            "no usable row",
            "at least one row with a value",
            "add rows, or fill in the values",
        )
        findings.raise_problems()
    given = {"origin": reading.origin, "unit": reading.unit}
    cells = filled(cells, given, findings)
    stated = mixtures.given_mixtures(cells, beside, reading.tolerance, findings)
    cells = mixtures.with_ratios(cells, stated, findings)
    if check_required(cells, RUNS, findings, optional=["p"]):
        findings.note(_NO_RATIOS.format(cells.file))
    columns = _columns(cells, findings)
    whole: dict[str, mixtures.Mixture] = {run: {} for run in columns["run"]}
    if {"run", "family", "p"} <= set(cells.columns):
        whole = mixtures.complete_mixtures(
            cells, columns["p"], stated, reading.tolerance, findings
        )
    if {"run", "family"} <= set(cells.columns):
        constant = (*CONSTANT_IN_A_RUN, "mixture_id")
        check_runs(cells, columns, findings, constant)
        key = [RUNS[name] for name in _KEY]
        check_unique(cells, columns, key, _REPEATED, findings)
    findings.raise_problems()
    if reading.normalise_mixtures:
        whole = mixtures.divided_by_sums(columns, whole, findings)
    columns |= {name: cells.columns[name] for name in reading.keep}
    note_oddities(cells, columns, whole, findings)
    notes = tuple(findings.notes)
    return CheckedRows(columns, whole, findings.source, notes, cells.lines)


def _columns(cells: Cells, findings: Findings) -> Columns:
    """Return all canonical columns but `mixture`, as numbers and words."""
    columns: Columns = {}
    for name, column in RUNS.columns.items():
        if column.is_number:
            columns[name] = numbers(cells, column, findings)
        elif name not in ("origin", "schedule", "metric", "unit", "mixture"):
            columns[name] = words(cells, column, findings)
    columns["origin"] = listed_words(cells, RUNS["origin"], ORIGINS, findings)
    columns["schedule"] = listed_words(
        cells, RUNS["schedule"], SCHEDULES, findings, default="cooled"
    )
    texts = words(cells, RUNS["metric"], findings)
    metrics = [text or "loss" for text in texts]
    columns["metric"] = metrics
    columns["unit"] = units(
        cells,
        words(cells, RUNS["unit"], findings),
        metrics,
        {"loss": LOSS_UNITS},
        f"for losses the first {len(LOSS_UNITS)}",
        findings,
    )
    if "value" in cells.columns:
        is_loss = [metric == "loss" for metric in metrics]
        check_losses(cells, columns["value"], is_loss, findings)
    return {name: columns[name] for name in RUNS.columns if name in columns}
