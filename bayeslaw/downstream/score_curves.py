"""From a table of downstream scores: its metric, and its curves one by one."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from bayeslaw.data.scores import ENTROPIES, POINTS, Curve, CurveTable
from bayeslaw.data.table import first_ten, nearest
from bayeslaw.downstream.break_posterior import (
    LEAST_POINTS,
    BreakPosterior,
    BreakPrior,
    break_posterior,
)
from bayeslaw.downstream.card import Baseline
from bayeslaw.downstream.rules import SE_ALONE
from bayeslaw.downstream.score_scale import Scale
from bayeslaw.errors import InputError

# The metric that decisions are about, if several are given: the first of these.
USUAL_METRICS = ("bleu", "chrf", "chrf++", "comet")
# Change of a score that counts as one, by its unit; a share of the mean for others.
MATTERS = {POINTS: 0.3, "fraction": 0.003}
MATTERS_SHARE = 0.01


def usual_change(table: CurveTable, metric: str) -> float:
    """Smallest change that matters: 0.3 points, 0.003 of a fraction, else 1 %."""
    values = table.columns["value"][table.columns["metric"] == metric]
    share = MATTERS_SHARE * float(np.abs(values).mean())
    return MATTERS.get(table.units[metric], share)


def chosen_metric(table: CurveTable, metric: str | None) -> tuple[str, list[str]]:
    """Choose the metric to decide about, with notes on the choice."""
    metrics = list(table.units)
    if metric is not None:
        if metric not in metrics:
            raise InputError(
                "the table has no such metric",
                "argument metric (--metric)",
                f"`{metric}`",
                f"one of {first_ten(metrics)}",
                f"did you mean `{near}`?"
                if (near := nearest(metric, metrics))
                else "choose a metric of the table",
            )
        return metric, []
    others = [name for name in metrics if name not in ENTROPIES]
    usual = [name for name in USUAL_METRICS if name in others]
    chosen = (usual or (others if len(others) == 1 else []) or metrics)[0]
    if len(others) > 1 and not usual:
        raise InputError(
            "the table has several metrics",
            "argument metric (--metric)",
            f"none; the table has {first_ten(others)}",
            "the metric to decide about",
            f"choose one, for example --metric {others[0]}",
        )
    note = f"decisions use {chosen} (--metric); the table also has "
    rest = [name for name in metrics if name != chosen]
    return chosen, [note + first_ten(rest)] if rest else []


def top_of(unit: str) -> float:
    """The best possible score of a unit that has one."""
    if unit not in MATTERS:
        raise InputError(
            "a score without bounds has no logit",
            "argument logit (--logit)",
            f"unit `{unit}`",
            "a score in points (0 to 100) or as a fraction (0 to 1)",
            "omit --logit, or correct the unit of the metric",
        )
    return 100.0 if unit == POINTS else 1.0


def posteriors(
    table: CurveTable, metric: str, scale: Scale, prior: BreakPrior
) -> tuple[dict[Curve, BreakPosterior], list[str]]:
    """Fit each curve by itself, with a note on those with too few checkpoints."""
    found, short = {}, []
    for curve in table.curves:
        if curve.metric != metric:
            continue
        rows = table.rows_of(curve)
        D, value, se = (table.columns[name][rows] for name in ("D_p", "value", "se"))
        if len(np.unique(D)) < LEAST_POINTS:
            short.append(str(curve))
            continue
        se = _pooled(D, se)
        found[curve] = break_posterior(D, value, se, scale=scale, prior=prior)
    if not found:
        raise InputError(
            "no curve has enough checkpoints to identify its shape",
            f"{table.source}, column `D_p`, metric `{metric}`",
            f"fewer than {LEAST_POINTS} different D_p in each of {len(short)} curves",
            f"at least {LEAST_POINTS} different D_p in a curve",
            "fine-tune and score more checkpoints",
        )
    note = (
        f"omitted curves, with fewer than {LEAST_POINTS} checkpoints: "
        f"{first_ten(short)}"
    )
    return found, [note] if short else []


def _pooled(
    D: Float[np.ndarray, " point"], se: Float[np.ndarray, " point"]
) -> Float[np.ndarray, " point"]:
    """Pool the standard errors of all scores of a checkpoint.

    A low score has a small bootstrap error and would get more weight than a high one.
    """
    found = se.copy()
    for count in np.unique(D):
        same = (D == count) & ~np.isnan(se)
        if same.any():
            found[same] = np.sqrt(np.mean(se[same] ** 2))
    return found


def covariates(table: CurveTable, curve: Curve) -> tuple[float, float, float]:
    """Logarithms of D_f (or pairs) and of N, and alignment; NaN where not given."""
    data = curve.D_f or curve.pairs
    alignment = table.columns["alignment"][table.rows_of(curve)]
    known = alignment[~np.isnan(alignment)]
    return (
        float(np.log(data)) if data else float("nan"),
        float(np.log(curve.N)) if curve.N else float("nan"),
        float(known[0]) if len(known) else float("nan"),
    )


def baseline_of(table: CurveTable, curve: Curve, scale: Scale) -> Baseline | None:
    """The mean score without pretraining with its standard error; None if not given."""
    rows = table.rows_of(curve.baseline)
    if not rows.any():
        return None
    value, se = table.columns["value"][rows], table.columns["se"][rows]
    own = np.where(np.isnan(se), SE_ALONE * np.abs(value), se)
    between = value.std(ddof=1) if len(value) > 1 else 0.0
    error = max(float(np.sqrt(np.mean(own**2))), float(between)) / np.sqrt(len(value))
    sign = 1 if scale.larger_is_better else -1
    return Baseline(sign * float(value.mean()), float(error))


def require_ahead(found: Mapping[Curve, BreakPosterior], D_next: float | None) -> None:
    """Refuse a D_next that is not beyond the last checkpoint of every curve."""
    behind = [
        curve
        for curve, posterior in found.items()
        if D_next is not None and posterior.last >= D_next
    ]
    if behind:
        raise InputError(
            "D_next is not beyond the last checkpoint",
            "argument D_next (--tokens)",
            f"{D_next:.6g}, but {behind[0]} ends at {found[behind[0]].last:.6g}",
            "more tokens than the last checkpoint of every curve",
            "give more tokens, or omit it to use twice the last of each curve",
        )


def require_positive(matters: float) -> None:
    """Refuse a smallest relevant change that is not above 0."""
    if not matters > 0:
        raise InputError(
            "smallest change that matters is not above 0",
            "argument matters (--matters)",
            f"{matters:g}",
            "a number above 0, in the unit of the score",
            "give the smallest change of the score that would make a difference",
        )
