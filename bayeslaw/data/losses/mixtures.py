"""The whole mixture of every run: from a column, a file near the table, or the rows.

The whole mixture is kept and not only the ratio of a row's own family, because laws
with transfer between families need all ratios.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bayeslaw.data.losses.loss_columns import RUNS
from bayeslaw.data.table import Cells, Findings, first_ten, is_not_given

Mixture = dict[str, float]
TOLERANCE = 1e-6  # of the sum of ratios, and between two statements of one ratio
# Of the sum of ratios that were rounded when they were written down. Seventeen ratios
# with three digits can be off by 0.0085; a forgotten family is usually off by more.
ROUNDED = 0.02


def ratio_or_none(value: Any) -> float | None:
    """Return a cell as a number 0 or more, None if it is not one."""
    if isinstance(value, bool):
        return None
    try:
        ratio = float(value)
    except (TypeError, ValueError):
        return None
    # Percentages pass here, so that one message about the sum can say so.
    return ratio if math.isfinite(ratio) and ratio >= 0 else None


def check_sums(
    where: str,
    sums: Iterable[tuple[str, str, Mixture]],
    tolerance: float,
    findings: Findings,
    *,
    can_normalise: bool = True,
) -> None:
    """Find mixtures, given as (row, name, mixture), whose ratios do not sum to 1."""
    bad = [
        (row, f"{name} {total:.7g}", total)
        for row, name, mixture in sums
        if abs((total := math.fsum(mixture.values())) - 1) > tolerance
    ]
    fix = "give every family of the run, and every ratio with all its digits"
    allowed = "0.02" if tolerance == ROUNDED else "1e-6"
    totals = [total for *_, total in bad]
    if any(95 <= total <= 105 for total in totals):
        fix = "these look like percentages: divide them by 100"
    elif can_normalise and all(abs(total - 1) <= ROUNDED for total in totals):
        fix += (
            "; if you know only rounded ratios, use --normalise-mixtures "
            "(normalise_mixtures=True), which divides them by their sum and notes it"
        )
    findings.bad_cells(
        "the ratios of a run do not sum to 1",
        where,
        [(row, text) for row, text, _ in bad],
        f"ratios of each run that sum to 1 (within {allowed})",
        fix,
    )


def given_mixtures(
    cells: Cells,
    beside: Mapping[str, Mixture],
    tolerance: float,
    findings: Findings,
    *,
    can_normalise: bool = True,
) -> dict[str, Mixture]:
    """Return the mixtures stated in the `mixture` column or a file next to the table.

    Args:
      cells: canonical cells; the column `mixture` may be absent.
      beside: run -> mixture of the file next to the table; may be empty.
      tolerance: how far the sum of a mixture may be from 1.
      findings: collects JSON errors, wrong sums and contradictions.
      can_normalise: whether the caller may ask for ratios divided by their sum.
    """
    texts = cells.columns.get("mixture", [])
    parsed = {text: _parse(text) for text in set(texts) if text}
    unread = [
        (cells.row(i), f"{text[:60]} ({parsed[text]})")
        for i, text in enumerate(texts)
        if isinstance(parsed.get(text), str)
    ]
    where = cells.where("mixture")
    wanted = 'a JSON object family -> ratio, such as {"romance": 0.6, "uralic": 0.4}'
    fix = "write each ratio as a fraction and each family once"
    findings.bad_cells("not a mixture", where, unread, wanted, fix)

    runs, ratios = cells.columns.get("run", []), cells.columns.get("p", [])
    known = set(runs)
    mixtures = {run: mixture for run, mixture in beside.items() if run in known}
    sums, torn = [], []
    for i, (run, text) in enumerate(zip(runs, texts, strict=False)):
        mixture = parsed.get(text)
        if not isinstance(mixture, dict):
            continue
        own_ratio = ratio_or_none(ratios[i]) if ratios else None
        if run not in mixtures:
            mixtures[run] = mixture
            if own_ratio is None or own_ratio <= 1:  # else reported with column p
                sums.append((cells.row(i), f"run `{run}`", mixture))
        elif mixture is not mixtures[run] and not agree(mixture, mixtures[run]):
            torn.append((cells.row(i), f"run `{run}` {text[:60]}"))
    check_sums(where, sums, tolerance, findings, can_normalise=can_normalise)
    wanted = "one mixture for each run, the same in all its rows and files"
    fix = "give each training its own run name, or correct the mixture"
    findings.bad_cells("a run has two mixtures", where, torn, wanted, fix)
    return mixtures


def _parse(text: str) -> Mixture | str:
    """Return the mixture in a cell, or what is wrong with it."""
    repeated: list[str] = []

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        repeated.extend(name for name in set(names) if names.count(name) > 1)
        return dict(pairs)

    try:
        entries = json.loads(text, object_pairs_hook=collect)
    except ValueError as error:
        return f"not JSON: {error}"
    if not isinstance(entries, dict) or not entries:
        return "not an object with families"
    if repeated:
        return f"`{repeated[0]}` appears twice"
    mixture = {
        family.strip(): ratio_or_none(ratio) for family, ratio in entries.items()
    }
    bad = [family for family, ratio in mixture.items() if ratio is None]
    if bad:
        return f"`{bad[0]}` is {entries.get(bad[0])!r}"
    return {family: ratio for family, ratio in mixture.items() if ratio is not None}


def agree(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    """Return whether two statements of a mixture agree up to rounding."""
    return all(
        abs(one.get(family, 0.0) - other.get(family, 0.0)) <= TOLERANCE
        for family in {*one, *other}
    )


def with_ratios(
    cells: Cells, mixtures: Mapping[str, Mixture], findings: Findings
) -> Cells:
    """Return the cells with column `p` filled in from the mixtures if it is missing."""
    # A column without any ratio is one that is left out.
    if all(is_not_given(text) for text in cells.columns.get("p", [])):
        columns = {name: cells.columns[name] for name in cells.columns if name != "p"}
        cells = replace(cells, columns=columns)
    has_keys = {"run", "family"} <= set(cells.columns)
    if "p" in cells.columns or not mixtures or not has_keys:
        return cells
    pairs = list(zip(cells.columns["run"], cells.columns["family"], strict=True))
    ratios = [mixtures.get(run, {}).get(family) for run, family in pairs]
    # A family that a mixture does not name may be one that the run left out, or a
    # misspelt one; only the user knows.
    absent = [
        (cells.row(i), f"run `{run}`, family `{family}`")
        for i, ((run, family), ratio) in enumerate(zip(pairs, ratios, strict=True))
        if ratio is None
    ]
    named = dict.fromkeys(family for mixture in mixtures.values() for family in mixture)
    findings.bad_cells(
        "no ratio for the family of a row",
        cells.where("family"),
        absent,
        f"families in the mixture of the run; the mixtures have {first_ten(named)}",
        "correct the name, or add the family to the mixture (0 if it was not trained "
        "on)",
    )
    findings.note(f"{cells.file}: no column `p`; it is filled in from the mixtures")
    # A row without a ratio is reported above; 0 keeps it from being reported again.
    column = [repr(ratio or 0.0) for ratio in ratios]
    return replace(cells, columns={**cells.columns, "p": column})


def complete_mixtures(
    cells: Cells,
    ratios: Sequence[float],
    given: Mapping[str, Mixture],
    tolerance: float,
    findings: Findings,
) -> dict[str, Mixture]:
    """Return the mixture of every run, checked against the ratios of its rows.

    A run whose mixture is not given has the one that its rows imply.
    """
    mixtures = dict(given)
    implied: dict[str, Mixture] = {}
    first_row: dict[str, int] = {}
    spoilt: set[str] = set()
    torn: list[tuple[str, str]] = []
    runs, families = cells.columns["run"], cells.columns["family"]
    for i, (run, family, ratio) in enumerate(zip(runs, families, ratios, strict=True)):
        if not 0 <= ratio <= 1:  # reported with the column p already
            spoilt.add(run)
            continue
        first_row.setdefault(run, i)
        if run in given:
            stated = given[run].get(family, 0.0)
        else:
            stated = implied.setdefault(run, {}).setdefault(family, ratio)
        if abs(stated - ratio) > TOLERANCE:
            torn.append((cells.row(i), f"{ratio:.7g} against {stated:.7g}"))
    findings.bad_cells(
        "the ratio of a row differs from its run's mixture",
        cells.where("p"),
        torn,
        f"one {RUNS['p'].meaning.split(', in ')[0]}, the same in all rows",
        "give each training its own run name, or correct the ratio or the mixture",
    )
    if not all(runs):  # rows without a run are missing from another run's mixture
        spoilt.update(runs)
    kept = {run: mix for run, mix in implied.items() if run not in spoilt}
    sums = [
        (cells.row(first_row[run]), f"run `{run}`", mix) for run, mix in kept.items()
    ]
    check_sums(cells.where("p"), sums, tolerance, findings)
    return mixtures | kept


def divided_by_sums(
    columns: Mapping[str, list[Any]],
    mixtures: Mapping[str, Mixture],
    findings: Findings,
) -> dict[str, Mixture]:
    """Divide the mixtures, and column `p` likewise, by their sums.

    Mixtures that already sum to 1 are unchanged to the last bit.
    """
    sums = {run: math.fsum(mix.values()) for run, mix in mixtures.items() if mix}
    off = {run: total for run, total in sums.items() if abs(total - 1) > TOLERANCE}
    if not off:
        return dict(mixtures)
    worst = max(off, key=lambda run: abs(off[run] - 1))
    findings.note(
        f"ratios of {len(off)} of {len(sums)} runs divided by their sum, as requested; "
        f"the sum farthest from 1 is {off[worst]:.7g} (run `{worst}`)"
    )
    columns["p"][:] = [
        ratio / off.get(run, 1.0)
        for run, ratio in zip(columns["run"], columns["p"], strict=True)
    ]
    return {
        run: {family: ratio / off.get(run, 1.0) for family, ratio in mixture.items()}
        for run, mixture in mixtures.items()
    }
