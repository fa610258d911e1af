"""Checks of single cells: numbers, their ranges, and words from fixed lists."""

import math
from collections.abc import Sequence

from bayeslaw.data.table.files import Cells
from bayeslaw.data.table.findings import Findings, nearest
from bayeslaw.data.table.schema import Column, quoted

NAN = math.nan
ORIGINS = ("measured", "published", "simulated")
SCHEDULES = ("cooled", "trunk")

# Texts that other programs write into cells where nothing is known.
_NOT_GIVEN = {"na", "n/a", "nan", "null", "none", "-"}


def is_not_given(text: str) -> bool:
    """Return whether a cell states that the value is unknown."""
    return not text or text.lower() in _NOT_GIVEN


def numbers(cells: Cells, column: Column, findings: Findings) -> list[float]:
    """Return a column as numbers; NaN where a cell is not given or has a problem.

    Cells with a problem count as not given from here on, in all readers of this
    module, so that the checks across rows do not report the same cell again.
    """
    texts = cells.columns.get(column.name)
    if texts is None:
        return [NAN] * len(cells.lines)
    values = [NAN] * len(texts)
    unread: list[int] = []
    for i, text in enumerate(texts):
        try:
            values[i] = float(text)
        except ValueError:
            unread.append(i)
    odd = [i for i, value in enumerate(values) if not math.isfinite(value)]
    if odd:  # rare, so the common path above stays one pass
        values = [NAN if math.isinf(value) else value for value in values]
        _check_odd_cells(cells, column, odd, set(unread), findings)
    outside = set(_check_range(cells, column, values, findings))
    return (
        [NAN if i in outside else x for i, x in enumerate(values)]
        if outside
        else values
    )


def _check_odd_cells(
    cells: Cells, column: Column, odd: list[int], unread: set[int], findings: Findings
) -> None:
    texts, where = cells.columns[column.name], cells.where(column.name)

    def bad(indices: Sequence[int]) -> list[tuple[str, str]]:
        return [(cells.row(i), texts[i] or "nothing") for i in indices]

    absent = [i for i in odd if is_not_given(texts[i])]
    if column.is_required:
        empty = [i for i in absent if not texts[i]]
        fix = column.fix_empty
        findings.bad_cells("empty cells", where, bad(empty), column.meaning, fix)
        absent = empty
    elif spelled := sorted({texts[i] for i in absent if texts[i]}):
        findings.note(f"{where}: {quoted(spelled)} read as not given")
    rest = _without(odd, absent)
    words = [i for i in rest if i in unread and texts[i].lower() not in _NOT_GIVEN]
    fix = _number_advice([texts[i] for i in words])
    findings.bad_cells("not a number", where, bad(words), column.meaning, fix)
    others = _without(rest, words)
    fix = "leave diverged runs out of the table, or correct the program that wrote this"
    wanted = f"a finite number: {column.meaning}"
    findings.bad_cells("not a finite number", where, bad(others), wanted, fix)


def _without(rows: Sequence[int], others: Sequence[int]) -> list[int]:
    left_out = set(others)
    return [i for i in rows if i not in left_out]


def _number_advice(texts: Sequence[str]) -> str:
    if any(text.endswith("%") for text in texts):
        return "write percentages as fractions: 12% is 0.12"
    if any(text[-1:].lower() in "kmbt" and text[:1].isdigit() for text in texts):
        return "write suffixes out: 1.2B is 1.2e9"
    if any("," in text for text in texts):
        return "use a decimal point and no thousands separator"
    return "write a plain number such as 0.25 or 1.2e9"


def _check_range(
    cells: Cells, column: Column, values: Sequence[float], findings: Findings
) -> list[int]:
    """Return the rows whose value is outside its column's range."""
    name, allowed = column.name, column.allowed
    if allowed is None:
        return []
    texts = cells.columns[name]
    bad = [i for i, x in enumerate(values) if x == x and not allowed.is_allowed(x)]
    fix = allowed.fix
    if name == "p" and bad and _are_percentages(cells, values):
        fix = "the ratios of a run sum to about 100: divide the ratios by 100"
    what = f"{'ratios' if name == 'p' else 'values'} outside the allowed range"
    pairs = [(cells.row(i), texts[i]) for i in bad]
    findings.bad_cells(what, cells.where(name), pairs, allowed.wanted, fix)
    return bad


def _are_percentages(cells: Cells, ratios: Sequence[float]) -> bool:
    by_run: dict[str, dict[str, float]] = {}
    runs, families = (cells.columns.get(name, []) for name in ("run", "family"))
    for run, family, ratio in zip(runs, families, ratios, strict=False):
        by_run.setdefault(run, {})[family] = ratio
    return any(95 <= sum(mixture.values()) <= 105 for mixture in by_run.values())


def check_losses(
    cells: Cells, values: Sequence[float], is_loss: Sequence[bool], findings: Findings
) -> None:
    """Find losses that are not positive; other metrics may have any sign."""
    bad = [
        (cells.row(i), cells.columns["value"][i])
        for i, value in enumerate(values)
        if value <= 0 and is_loss[i]
    ]
    findings.bad_cells(
        "a loss is not above 0",
        cells.where("value"),
        bad,
        "a cross-entropy loss above 0",
        "give the loss itself, not its logarithm, a difference or a log-likelihood",
    )


def words(cells: Cells, column: Column, findings: Findings) -> list[str]:
    """Return a text column; "" where not given, empty required cells are problems."""
    name = column.name
    texts = cells.columns.get(name, [""] * len(cells.lines))
    if column.is_required and name in cells.columns and not all(texts):
        empty = [(cells.row(i), "nothing") for i, text in enumerate(texts) if not text]
        findings.bad_cells(
            "empty cells", cells.where(name), empty, column.meaning, column.fix_empty
        )
    return texts


def listed_words(
    cells: Cells,
    column: Column,
    known: Sequence[str],
    findings: Findings,
    default: str = "",
) -> list[str]:
    """Return a column whose cells must come from a list; empty ones get a default."""
    texts = [text.lower() or default for text in words(cells, column, findings)]
    bad = [
        (cells.row(i), cells.columns[column.name][i])
        for i, text in enumerate(texts)
        if text and text not in known
    ]
    near = nearest(bad[0][1], known) if bad else None
    fix = f"did you mean `{near}`?" if near else "use one of the words listed"
    wanted = f"one of {quoted(known)}"
    findings.bad_cells("unknown words", cells.where(column.name), bad, wanted, fix)
    return [text if text in known else "" for text in texts]
