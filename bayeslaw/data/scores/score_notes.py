"""Notes on what is allowed in a table of scores but limits its use."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from bayeslaw.data.scores.curve import rows_of_curves
from bayeslaw.data.scores.metrics import FIXED_UNITS
from bayeslaw.data.table import (
    Cells,
    Findings,
    first_ten,
    note_small_counts,
    note_tokenizers,
)

Columns = Mapping[str, Sequence[Any]]
FEWEST_POINTS = 3  # values of D_p; two fix level and slope, none is left for the shape


def note_oddities(cells: Cells, columns: Columns, findings: Findings) -> None:
    """Add a note for everything that is not wrong but that the user should know."""
    counts = {"N": "parameters", "D_p": "tokens", "D_f": "tokens"}
    note_small_counts(cells, columns, counts, findings)
    _note_fractions(cells, columns, findings)
    _note_missing_errors(cells, columns, findings)
    _note_short_curves(cells, columns, findings)
    _note_partly_given(cells, columns, findings)
    _note_settings(cells, columns, findings)
    note_tokenizers(cells, columns, findings)
    tokenizers = sorted(set(columns["tokenizer"]) - {""})
    if len(tokenizers) > 1:
        findings.note(
            f"{cells.where('D_p')}: counts tokens of {len(tokenizers)} tokenizers "
            f"({first_ten(tokenizers)}); compare them only within one tokenizer"
        )


def _note_fractions(cells: Cells, columns: Columns, findings: Findings) -> None:
    for metric in dict.fromkeys(columns["metric"]):
        rows = zip(columns["metric"], columns["value"], strict=True)
        largest = max(value for name, value in rows if name == metric)
        if metric in FIXED_UNITS and 0 < largest <= 1:
            findings.note(
                f"{cells.where('value')}: the largest {metric} is {largest:g} points; "
                "if these are fractions, multiply them and their standard errors by 100"
            )


def _note_missing_errors(cells: Cells, columns: Columns, findings: Findings) -> None:
    rows = zip(columns["metric"], columns["se"], strict=True)
    missing = Counter(metric for metric, se in rows if se != se)
    if missing:
        of_metrics = first_ten(f"{metric} {n}" for metric, n in missing.items())
        findings.note(
            f"{cells.where('se')}: no standard error in {missing.total()} of "
            f"{len(columns['se'])} rows ({of_metrics}); their noise is estimated from "
            "the curves"
        )


def _note_short_curves(cells: Cells, columns: Columns, findings: Findings) -> None:
    curves = rows_of_curves(columns)
    if not curves:
        findings.note(
            f"{cells.where('D_p')}: 0 in all rows, so there is no curve in the table"
        )
        return
    short = [
        str(curve)
        for curve, rows in curves.items()
        if len({columns["D_p"][i] for i in rows}) < FEWEST_POINTS
    ]
    if short:
        findings.note(
            f"{cells.where('D_p')}: {len(short)} of {len(curves)} curves have fewer "
            f"than {FEWEST_POINTS} values above 0, too few to identify their shape: "
            + _listed(short)
        )


def _note_partly_given(cells: Cells, columns: Columns, findings: Findings) -> None:
    for name in ("N", "D_f", "pairs"):
        given = sum(value == value for value in columns[name])
        if 0 < given < len(columns[name]):
            findings.note(
                f"{cells.where(name)}: given in {given} of {len(columns[name])} rows; "
                "rows without it form separate curves"
            )


def _note_settings(cells: Cells, columns: Columns, findings: Findings) -> None:
    """Note scores of one task and metric that were measured differently."""
    keys = list(zip(columns["task"], columns["metric"], strict=True))
    for name in ("beams", "test_pairs", "signature"):
        found: dict[tuple[str, str], set[Any]] = {}
        for key, value in zip(keys, columns[name], strict=True):
            if value != "" and value == value:
                found.setdefault(key, set()).add(value)
        mixed = [" ".join(key) for key, values in found.items() if len(values) > 1]
        if mixed:
            findings.note(
                f"{cells.where(name)}: more than one value for {_listed(mixed)}; these "
                "scores may not be comparable"
            )


def _listed(names: Sequence[str]) -> str:
    return "; ".join(names[:5]) + (f"; and {len(names) - 5} more" if names[5:] else "")
