"""Units of measured values: their spellings, and one unit for each metric."""

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

from bayeslaw.data.table.files import Cells
from bayeslaw.data.table.findings import Findings, nearest
from bayeslaw.data.table.schema import quoted

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
KNOWN = (*LOSS_UNITS, *OTHER_UNITS)
UNITS = {
    spelling: unit
    for units in (LOSS_UNITS, OTHER_UNITS)
    for unit, others in units.items()
    for spelling in (unit, *others)
}

_PERPLEXITY = "take the logarithm: loss in nats/token = ln(perplexity per token)"
FIXES: Mapping[str, str] = {"ppl": _PERPLEXITY, "perplexity": _PERPLEXITY}


def units(
    cells: Cells,
    texts: Sequence[str],
    metrics: Sequence[str],
    allowed: Mapping[str, Collection[str]],
    wanted: str,
    findings: Findings,
    fixes: Mapping[str, str] = FIXES,
) -> list[str]:
    """Return the column of units, canonical; one metric must have one unit.

    Args:
      cells: canonical cells.
      texts: the column as written. Shape (row,).
      metrics: what each row measures. Shape (row,).
      allowed: metric -> its possible units; any known unit fits the others.
      wanted: the same in words, to follow the list of known units.
      findings: collects what is wrong.
      fixes: what to do about a unit that does not fit, in lower case.
    """
    canonical = {text: canonical_unit(text) for text in set(texts)}
    bad = [
        i
        for i, text in enumerate(texts)
        if text and canonical[text] not in allowed.get(metrics[i], KNOWN)
    ]
    findings.bad_cells(
        "unknown units" if not any(canonical[texts[i]] for i in bad) else "wrong units",
        cells.where("unit"),
        [(cells.row(i), texts[i]) for i in bad],
        f"one of {quoted(KNOWN)}; {wanted}",
        _advice([texts[i] for i in bad], fixes),
    )
    found = [canonical[text] or "" for text in texts]
    for i in bad:
        found[i] = ""
    _check_one_unit(cells, metrics, found, findings)
    return found


def canonical_unit(text: str) -> str | None:
    """Return the canonical spelling of a unit, None if unknown."""
    return UNITS.get("/".join(part.strip() for part in text.lower().split("/")))


def _advice(texts: Sequence[str], fixes: Mapping[str, str]) -> str:
    known = [fixes[text.lower()] for text in texts if text.lower() in fixes]
    if known:
        return known[0]
    near = nearest(texts[0], LOSS_UNITS) if texts else None
    return f"did you mean `{near}`?" if near else "convert to one of the units listed"


def _check_one_unit(
    cells: Cells, metrics: Sequence[str], found: Sequence[str], findings: Findings
) -> None:
    first: dict[tuple[str, str], list[int]] = {}
    for i, key in enumerate(zip(metrics, found, strict=True)):
        if all(key):
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
