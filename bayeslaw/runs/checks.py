"""Checks of single cells: numbers, their ranges, and words from fixed lists."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from bayeslaw.runs.columns import COLUMNS, quoted
from bayeslaw.runs.files import Cells
from bayeslaw.runs.findings import Findings, nearest

NAN = math.nan
ORIGINS = ("measured", "published", "simulated")
SCHEDULES = ("cooled", "trunk")

# Known units -> other spellings, in lower case and without spaces around the slash.
LOSS_UNITS: Mapping[str, tuple[str, ...]] = {
    "bits/byte": ("bpb", "bit/byte", "bits per byte", "bits_per_byte"),
    "nats/byte": ("nat/byte", "nats per byte", "nats_per_byte"),
    "bits/token": ("bit/token", "bits per token", "bits_per_token"),
    "nats/token": ("nat/token", "nats per token", "nats_per_token", "nats"),
    "bits/character": ("bpc", "bits/char", "bits per character"),
    "nats/character": ("nats/char", "nats per character"),
}
OTHER_UNITS: Mapping[str, tuple[str, ...]] = {
    "points": ("point",),  # BLEU and chrF, 0 to 100
    "fraction": (),  # accuracies, 0 to 1
}
UNITS = {
    spelling: unit
    for units in (LOSS_UNITS, OTHER_UNITS)
    for unit, others in units.items()
    for spelling in (unit, *others)
}

# Texts that other programs write into cells where nothing is known.
_NOT_GIVEN = {"na", "n/a", "nan", "null", "none", "-"}

# Column -> what a number must satisfy, in words, and what to do about the others.
_RANGES: dict[str, tuple[Callable[[float], bool], str, str]] = {
    "N": (lambda x: x > 0, "a count above 0", "give non-embedding parameters"),
    "D": (lambda x: x > 0, "a count above 0", "give the tokens trained on so far"),
    "p": (
        lambda x: 0 <= x <= 1,
        "a sampling ratio in [0, 1]",
        "if these are percentages, divide by 100",
    ),
    "se": (
        lambda x: x >= 0,
        "a standard error, 0 or more",
        "leave the cell empty where it is unknown",
    ),
    "flops": (lambda x: x > 0, "FLOP above 0", "leave the cell empty if unknown"),
    "unique_tokens": (
        lambda x: x > 0,
        "a count above 0",
        "leave the cell empty if unknown",
    ),
    "seed": (
        lambda x: x == int(x),
        "a whole number",
        "number the seeds 0, 1, 2, ...",
    ),
}


def is_not_given(text: str) -> bool:
    """Returns whether a cell says that nothing is known."""
    return not text or text.lower() in _NOT_GIVEN


def numbers(cells: Cells, name: str, findings: Findings) -> list[float]:
    """Returns a column as numbers; NaN where a cell is not given or has a problem.

    Cells with a problem count as not given from here on, in all readers of this
    module, so that the checks across rows do not report the same cell again.
    """
    texts = cells.columns.get(name)
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
        _check_odd_cells(cells, name, odd, set(unread), findings)
    outside = set(_check_range(cells, name, values, findings))
    return (
        [NAN if i in outside else x for i, x in enumerate(values)]
        if outside
        else values
    )


def _check_odd_cells(
    cells: Cells, name: str, odd: list[int], unread: set[int], findings: Findings
) -> None:
    texts, column, where = cells.columns[name], COLUMNS[name], cells.where(name)

    def bad(indices: Sequence[int]) -> list[tuple[str, str]]:
        return [(cells.row(i), texts[i] or "nothing") for i in indices]

    absent = [i for i in odd if is_not_given(texts[i])]
    if column.is_required:
        empty = [i for i in absent if not texts[i]]
        fix = "fill the cell, or delete the row if the run has no result"
        if name == "p":
            fix = "give the ratio, 0 where the run was not trained on the family"
        findings.bad_cells("empty cells", where, bad(empty), column.meaning, fix)
        absent = empty
    elif spelled := sorted({texts[i] for i in absent if texts[i]}):
        findings.note(f"{where}: {quoted(spelled)} read as not given")
    rest = _without(odd, absent)
    words = [i for i in rest if i in unread and texts[i].lower() not in _NOT_GIVEN]
    fix = _number_advice([texts[i] for i in words])
    findings.bad_cells("not a number", where, bad(words), column.meaning, fix)
    others = _without(rest, words)
    fix = "delete the rows of diverged runs, or find what wrote the number"
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
        return "use a point as decimal mark and no thousands separator"
    return "write a plain number such as 0.25 or 1.2e9"


def _check_range(
    cells: Cells, name: str, values: Sequence[float], findings: Findings
) -> list[int]:
    """Returns the rows whose value is outside its column's range."""
    if name not in _RANGES:
        return []
    is_allowed, wanted, fix = _RANGES[name]
    texts = cells.columns[name]
    bad = [i for i, x in enumerate(values) if x == x and not is_allowed(x)]
    if name == "p" and bad and _are_percentages(cells, values):
        fix = "the ratios of a run sum to about 100: divide the ratios by 100"
    what = f"{'ratios' if name == 'p' else 'values'} outside the allowed range"
    pairs = [(cells.row(i), texts[i]) for i in bad]
    findings.bad_cells(what, cells.where(name), pairs, wanted, fix)
    return bad


def _are_percentages(cells: Cells, ratios: Sequence[float]) -> bool:
    by_run: dict[str, dict[str, float]] = {}
    runs, families = (cells.columns.get(name, []) for name in ("run", "family"))
    for run, family, ratio in zip(runs, families, ratios, strict=False):
        by_run.setdefault(run, {})[family] = ratio
    return any(95 <= sum(mixture.values()) <= 105 for mixture in by_run.values())


def check_losses(
    cells: Cells, metrics: Sequence[str], values: Sequence[float], findings: Findings
) -> None:
    """Finds losses that are not positive; other metrics may have any sign."""
    bad = [
        (cells.row(i), cells.columns["value"][i])
        for i, value in enumerate(values)
        if value <= 0 and metrics[i] == "loss"
    ]
    findings.bad_cells(
        "losses must be above 0",
        cells.where("value"),
        bad,
        "a cross-entropy loss above 0",
        "give the loss itself, not its logarithm, a difference or a log-likelihood",
    )


def words(cells: Cells, name: str, findings: Findings) -> list[str]:
    """Returns a text column; "" where not given, empty required cells are problems."""
    texts = cells.columns.get(name, [""] * len(cells.lines))
    if COLUMNS[name].is_required and name in cells.columns and not all(texts):
        empty = [(cells.row(i), "nothing") for i, text in enumerate(texts) if not text]
        meaning = COLUMNS[name].meaning
        findings.bad_cells(
            "empty cells", cells.where(name), empty, meaning, "fill the cells"
        )
    return texts


def listed_words(
    cells: Cells, name: str, known: Sequence[str], findings: Findings, default: str = ""
) -> list[str]:
    """Returns a column whose cells must come from a list; empty ones get a default."""
    texts = [text.lower() or default for text in words(cells, name, findings)]
    bad = [
        (cells.row(i), cells.columns[name][i])
        for i, text in enumerate(texts)
        if text and text not in known
    ]
    near = nearest(bad[0][1], known) if bad else None
    fix = f"did you mean `{near}`?" if near else "use one of these words"
    wanted = f"one of {quoted(known)}"
    findings.bad_cells("unknown words", cells.where(name), bad, wanted, fix)
    return [text if text in known else "" for text in texts]


def units(cells: Cells, metrics: Sequence[str], findings: Findings) -> list[str]:
    """Returns the column of units, canonical; one metric must have one unit."""
    texts = words(cells, "unit", findings)
    canonical = {text: canonical_unit(text) for text in set(texts)}
    is_loss = [metric == "loss" for metric in metrics]
    bad = [
        i
        for i, text in enumerate(texts)
        if text
        and (canonical[text] is None or (is_loss[i] and canonical[text] in OTHER_UNITS))
    ]
    known = [*LOSS_UNITS, *OTHER_UNITS]
    findings.bad_cells(
        "unknown units" if not any(canonical[texts[i]] for i in bad) else "wrong units",
        cells.where("unit"),
        [(cells.row(i), texts[i]) for i in bad],
        f"one of {quoted(known)}; for losses the first {len(LOSS_UNITS)}",
        _unit_advice([texts[i] for i in bad]),
    )
    found = [canonical[text] or "" for text in texts]
    for i in bad:
        found[i] = ""
    _check_one_unit(cells, metrics, found, findings)
    return found


def canonical_unit(text: str) -> str | None:
    """Returns the canonical spelling of a unit, None if unknown."""
    return UNITS.get("/".join(part.strip() for part in text.lower().split("/")))


def _unit_advice(texts: Sequence[str]) -> str:
    if any(text.lower() in ("ppl", "perplexity") for text in texts):
        return "take the logarithm: loss in nats/token = ln(perplexity per token)"
    near = nearest(texts[0], LOSS_UNITS) if texts else None
    return f"did you mean `{near}`?" if near else "convert, and name one of these units"


def _check_one_unit(
    cells: Cells, metrics: Sequence[str], found: Sequence[str], findings: Findings
) -> None:
    first: dict[tuple[str, str], list[int]] = {}
    for i, key in enumerate(zip(metrics, found, strict=True)):
        if key[1]:
            first.setdefault(key, []).append(i)
    for (metric, unit), (other, another) in pairwise(sorted(first)):
        if metric == other:
            rows = [
                f"`{u}` in {len(first[metric, u])} rows from row "
                f"{cells.row(first[metric, u][0])}"
                for u in (unit, another)
            ]
            findings.problem(
                f"metric `{metric}` has two units",
                cells.where("unit"),
                " and ".join(rows),
                "one unit per metric",
                "convert the values to one unit (bits = nats / ln 2)",
            )
