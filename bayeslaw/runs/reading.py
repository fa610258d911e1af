"""From a path to a checked table, in plain Python.

numpy is left out on purpose: importing it costs more than all the checks of a table
of 5,000 rows, and `bayeslaw validate` needs none of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bayeslaw.errors import InputError
from bayeslaw.runs import checks, consistency, mixtures, ratio_files
from bayeslaw.runs.append import cell_text
from bayeslaw.runs.columns import COLUMNS, SPELLINGS, canonical_name, quoted
from bayeslaw.runs.files import Cells, read_cells
from bayeslaw.runs.findings import Findings, nearest
from bayeslaw.runs.layout import canonical_cells

Columns = dict[str, list[Any]]

_NO_RATIOS = (
    "{}: no sampling ratios are given, so only laws without ratios can be fitted; if "
    "the runs were trained on mixtures, add a column `p` or the mixtures"
)


@dataclass(frozen=True)
class Reading:
    """What a caller says about a table that its file does not; see `read_runs`."""

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
    """The content of a table without problems, as lists; see RunTable."""

    columns: Columns
    mixtures: Mapping[str, Mapping[str, float]]
    source: str
    notes: tuple[str, ...]
    lines: list[int]


def read_checked(path: str | Path, reading: Reading) -> CheckedRows:
    """Returns the rows of a table, or raises all its problems at once.

    Args and Raises: as `read_runs`.
    """
    path = Path(path)
    findings = Findings(str(path))
    if path.is_dir():
        return _read_pair(path, findings, reading)
    cells = canonical_cells(read_cells(path, findings), findings, reading.keep)
    file = Path(reading.mixtures) if reading.mixtures else ratio_files.beside(path)
    stated: Mapping[str, mixtures.Mixture] = {}
    if file:
        ratios = ratio_files.read_ratio_file(file, reading.tolerance, findings)
        stated = ratio_files.by_run(cells, ratios, findings)
        unused = len(set(ratios.mixtures) - set(cells.columns.get(ratios.key, [])))
        noun = "runs" if ratios.key == "run" else "mixtures"
        findings.note(
            f"mixtures read from {file.name}"
            + (f"; {noun} there that the table lacks: {unused}" if unused else "")
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
            f"name the file: {path / near}" if near else "name the table's file",
        )
    cells = canonical_cells(read_cells(table, findings), findings, reading.keep)
    file = ratio_files.read_ratio_file(ratios, reading.tolerance, findings)
    of_runs = ratio_files.by_run(cells, file, findings)
    ratio_files.check_joined(cells, of_runs, ratios.name, findings)
    return check(cells, of_runs, findings, reading)


def rows_checked(
    rows: Sequence[Mapping[str, Any]], source: str, reading: Reading
) -> CheckedRows:
    """Returns rows given as dictionaries, checked like those of a file."""
    findings = Findings(source)
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {n: [cell_text(row.get(n)).strip() for row in rows] for n in names}
    cells = Cells(source, columns, list(range(1, len(rows) + 1)), header=tuple(names))
    return check(canonical_cells(cells, findings, reading.keep), {}, findings, reading)


def check(
    cells: Cells,
    beside: Mapping[str, mixtures.Mixture],
    findings: Findings,
    reading: Reading,
) -> CheckedRows:
    """Returns the checked content of canonical cells, or raises all problems.

    Args:
      cells: canonical long cells.
      beside: run -> mixture from a file beside the table; may be empty.
      findings: problems and notes so far.
      reading: what the caller says about the table.
    """
    if not cells.lines:
        findings.problem(
            "no observations",
            cells.file,
            "no usable row",
            "at least one row with a value",
            "add rows, or fill the values in",
        )
        findings.raise_problems()
    given = {"origin": reading.origin, "unit": reading.unit}
    cells = _filled(cells, given, findings)
    stated = mixtures.given_mixtures(cells, beside, reading.tolerance, findings)
    cells = mixtures.with_ratios(cells, stated, findings)
    _check_required(cells, findings)
    columns = _columns(cells, findings)
    whole: dict[str, mixtures.Mixture] = {run: {} for run in columns["run"]}
    if {"run", "family", "p"} <= set(cells.columns):
        whole = mixtures.complete_mixtures(
            cells, columns["p"], stated, reading.tolerance, findings
        )
    if {"run", "family"} <= set(cells.columns):
        consistency.check_runs(cells, columns, findings)
        consistency.check_unique(cells, columns, findings)
    findings.raise_problems()
    if reading.normalise_mixtures:
        whole = mixtures.divided_by_sums(columns, whole, findings)
    columns |= {name: cells.columns[name] for name in reading.keep}
    consistency.note_oddities(cells, columns, whole, findings)
    notes = tuple(findings.notes)
    return CheckedRows(columns, whole, findings.source, notes, cells.lines)


def _columns(cells: Cells, findings: Findings) -> Columns:
    """Returns all canonical columns but `mixture`, as numbers and words."""
    columns: Columns = {}
    for name, column in COLUMNS.items():
        if column.is_number:
            columns[name] = checks.numbers(cells, name, findings)
        elif name not in ("origin", "schedule", "metric", "unit", "mixture"):
            columns[name] = checks.words(cells, name, findings)
    columns["origin"] = checks.listed_words(cells, "origin", checks.ORIGINS, findings)
    columns["schedule"] = checks.listed_words(
        cells, "schedule", checks.SCHEDULES, findings, default="cooled"
    )
    metrics = [text or "loss" for text in checks.words(cells, "metric", findings)]
    columns["metric"] = metrics
    columns["unit"] = checks.units(cells, metrics, findings)
    if "value" in cells.columns:
        checks.check_losses(cells, metrics, columns["value"], findings)
    return {name: columns[name] for name in COLUMNS if name in columns}


def _filled(
    cells: Cells, arguments: Mapping[str, str | None], findings: Findings
) -> Cells:
    """Returns the cells with the columns that the caller filled by argument."""
    columns = dict(cells.columns)
    for name, word in arguments.items():
        if word is None:
            continue
        _check_argument(name, word)
        texts = columns.get(name, [""] * len(cells.lines))
        others = [
            (cells.row(i), text)
            for i, text in enumerate(texts)
            if text and _plain(name, text) != _plain(name, word)
        ]
        findings.bad_cells(
            f"argument `{name}` contradicts the table",
            cells.where(name),
            others,
            f"`{word}`, the argument, or an empty cell",
            f"leave the argument `{name}` out, or correct the table",
        )
        filled = sum(not text for text in texts)
        columns[name] = [text or word for text in texts]
        if filled:
            findings.note(f"{name} `{word}` filled in by argument in {filled} rows")
    return replace(cells, columns=columns)


def _check_argument(name: str, word: str) -> None:
    known = checks.ORIGINS if name == "origin" else tuple(checks.LOSS_UNITS)
    is_known = (
        word.lower() in known if name == "origin" else checks.canonical_unit(word)
    )
    if not is_known:
        near = nearest(word, known)
        raise InputError(
            f"unknown {name}",
            f"argument `{name}`",
            f"`{word}`",
            f"one of {quoted(known)}",
            f"did you mean `{near}`?" if near else "use one of these words",
        )


def _plain(name: str, word: str) -> str:
    return (checks.canonical_unit(word) if name == "unit" else None) or word.lower()


def _check_required(cells: Cells, findings: Findings) -> None:
    for name, column in COLUMNS.items():
        if not column.is_required or name in cells.columns:
            continue
        near = _misspelt(name, cells.header)
        if name == "p" and not near:
            findings.note(_NO_RATIOS.format(cells.file))
            continue
        fix = f"add a column `{name}`"
        if near:
            fix = f"did you mean `{name}` by the column `{near}`? Rename it"
        if column.aliases:
            fix += f" (also read under {quoted(column.aliases[:4])})"
        if name in ("origin", "unit"):
            fix += f", or give the argument `{name}`"
        findings.problem(
            f"the required column `{name}` is missing",
            f"{cells.file}, row 1",
            f"columns {quoted(cells.header)}",
            f"`{name}`: {column.meaning}",
            fix,
        )


def _misspelt(name: str, header: Sequence[str]) -> str | None:
    """Returns the unread heading that looks like a misspelling of a column's name."""
    unread = [heading for heading in header if canonical_name(heading) is None]
    near = {heading: nearest(heading, SPELLINGS) for heading in unread}
    matches = [h for h, known in near.items() if known and SPELLINGS[known] == name]
    return matches[0] if matches else None
