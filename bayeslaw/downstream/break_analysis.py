"""From a table of downstream scores to a decision about each of its curves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bayeslaw.data.scores import ENTROPIES, METRICS, Curve, CurveTable
from bayeslaw.downstream.break_decisions import Breaks, CurveDecision, Method
from bayeslaw.downstream.break_posterior import USUAL_PRIOR, BreakPosterior, BreakPrior
from bayeslaw.downstream.card import (
    N_DRAWS,
    USUAL_PRICES,
    Drawn,
    Interval,
    Prices,
    best_seen,
    interval,
    make_card,
)
from bayeslaw.downstream.curve_shapes import DECLINES, KINDS
from bayeslaw.downstream.entropy import (
    are_rivals,
    entropies_beside,
    entropy_check,
)
from bayeslaw.downstream.null_check import p_null
from bayeslaw.downstream.rules import SE_ALONE, guide
from bayeslaw.downstream.score_curves import (
    baseline_of,
    chosen_metric,
    covariates,
    posteriors,
    require_ahead,
    require_positive,
    top_of,
    usual_change,
)
from bayeslaw.downstream.score_scale import Scale
from bayeslaw.downstream.sharing import Shared, share

# Above these the chains do not agree.
MAX_RHAT, MAX_BREAK_ERROR = 1.1, 0.1


def breaks(
    table: CurveTable,
    *,
    metric: str | None = None,
    D_next: float | None = None,
    prices: Prices = USUAL_PRICES,
    matters: float | None = None,
    prior: BreakPrior = USUAL_PRIOR,
    method: Method = "closed-form",
    lower_is_better: bool | None = None,
    logit: bool = False,
    probability: float = 0.9,
    seed: int = 0,
) -> Breaks:
    """Estimate for every curve of a table how probable a break is, and what to do.

    Args:
      table: downstream scores, see `read_curves`.
      metric: the metric to decide about; BLEU, else chrF or COMET, else the only one
        that is not a cross-entropy.
      D_next: next number of pretraining tokens to consider; twice the last of each
        curve if None.
      prices: value of a score and cost of pretraining; by default pretraining is free.
      matters: smallest change of a score that matters; 0.3 points, 0.003 of a fraction,
        1 % of others if None.
      prior: the rate at which curves are expected to break before the table is seen.
      method: "closed-form" (milliseconds per curve; curves share the rates of breaks)
        or "nuts" (minutes; they also share slopes, levels and exponents).
      lower_is_better: for metrics that bayeslaw does not know; cross-entropy is.
      logit: fit the law to the logit of the score, for bounded metrics such as
        accuracy, in points or fractions.
      probability: probability of all intervals.
      seed: random seed of all draws.

    Raises:
      InputError: no such metric, no curve of three checkpoints, or D_next is not
        beyond the last checkpoint of a curve.

    Example:
      >>> breaks(read_curves("translations.csv")).curves[0].card.choice
      'keep'
    """
    metric, notes = chosen_metric(table, metric)
    unit = table.units[metric]
    if metric not in METRICS and lower_is_better is None:
        notes.append(
            f"higher values of {metric} are taken as better; if they are worse, use "
            "--lower-is-better"
        )
    is_loss = metric in ENTROPIES if lower_is_better is None else lower_is_better
    scale = Scale(not is_loss, top_of(unit) if logit else None)
    found, left_out = posteriors(table, metric, scale, prior)
    notes += left_out
    require_ahead(found, D_next)
    shared, found = _shared(table, found, prior)
    drawn = _drawn(table, found, method, prior, seed, probability)
    notes += drawn.notes
    entropies, left_out = entropies_beside(table, metric, prior)
    notes += left_out
    matters = usual_change(table, metric) if matters is None else matters
    require_positive(matters)
    context = _Context(table, scale, prices, matters, probability, D_next, seed)
    return Breaks(
        source=table.source,
        sha256=table.sha256,
        origin=" and ".join(dict.fromkeys(table.columns["origin"].tolist())),
        metric=metric,
        unit=unit,
        larger_is_better=not is_loss,
        method=method,
        prices=prices,
        matters=matters,
        probability=probability,
        shared=shared if method == "closed-form" else None,
        curves=_decisions(found, drawn, entropies, context),
        notes=(*table.notes, *notes),
    )


@dataclass(frozen=True)
class _Context:
    """Settings that are the same for all curves."""

    table: CurveTable
    scale: Scale
    prices: Prices
    matters: float
    probability: float
    D_next: float | None
    seed: int


def _decisions(
    found: Mapping[Curve, BreakPosterior],
    drawn: "_Draws",
    entropies: Mapping[Curve, BreakPosterior],
    context: _Context,
) -> tuple[CurveDecision, ...]:
    bests = {
        curve: float(best_seen(drawn.curves[curve], posterior.checkpoints).mean())
        for curve, posterior in found.items()
    }
    return tuple(
        _decide(curve, posterior, drawn, bests, entropies, context)
        for curve, posterior in found.items()
    )


def _decide(
    curve: Curve,
    posterior: BreakPosterior,
    drawn: "_Draws",
    bests: Mapping[Curve, float],
    entropies: Mapping[Curve, BreakPosterior],
    context: _Context,
) -> CurveDecision:
    table, scale = context.table, context.scale
    rows = table.rows_of(curve)
    D, value, se = (table.columns[name][rows] for name in ("D_p", "value", "se"))
    score = value if scale.larger_is_better else -value
    baseline = baseline_of(table, curve, scale)
    card = make_card(
        drawn.curves[curve],
        posterior.checkpoints,
        p_seen=drawn.kinds[curve][KINDS[DECLINES]],
        noise=float(np.median(np.where(np.isnan(se), SE_ALONE * np.abs(value), se))),
        D_next=context.D_next,
        baseline=baseline,
        others={
            other.pretraining_mix: best
            for other, best in bests.items()
            if other != curve and are_rivals(other, curve)
        },
        prices=context.prices,
        matters=context.matters,
        probability=context.probability,
        seed=context.seed,
    )
    return CurveDecision(
        curve=curve,
        points={"D_p": D, "value": value, "se": se},
        seeds=len(set(table.columns["run"][rows].tolist())),
        kinds=drawn.kinds[curve],
        p_prior=_p_prior(posterior),
        p_null=p_null(posterior, seed=context.seed),
        baseline=baseline,
        card=card,
        rule=guide(D, score, se, card.D_next, context.prices, baseline),
        symbols=drawn.symbols.get(curve),
        entropy=entropy_check(curve, card, entropies, context.seed),
        drawn=drawn.curves[curve],
        scale=scale,
    )


def _shared(
    table: CurveTable, found: Mapping[Curve, BreakPosterior], prior: BreakPrior
) -> tuple[Shared, dict[Curve, BreakPosterior]]:
    """The curves, informed by how often the others break."""
    shared = share(
        list(found.values()),
        [curve.task for curve in found],
        np.array([covariates(table, curve)[-1] for curve in found]),
        prior,
    )
    pairs = zip(found.items(), shared.kinds, shared.hazard, strict=True)
    told = {
        curve: posterior.given(kinds, float(hazard))
        for (curve, posterior), kinds, hazard in pairs
    }
    return shared, told


@dataclass(frozen=True)
class _Draws:
    """Draws of each curve, probabilities of its kinds, its law, and notes."""

    curves: Mapping[Curve, Drawn]
    kinds: Mapping[Curve, Mapping[str, float]]
    symbols: Mapping[Curve, Mapping[str, Interval]] = field(default_factory=dict)
    notes: Sequence[str] = ()


def _drawn(
    table: CurveTable,
    found: Mapping[Curve, BreakPosterior],
    method: Method,
    prior: BreakPrior,
    seed: int,
    probability: float,
) -> _Draws:
    if method == "closed-form":
        return _Draws(
            {
                curve: posterior.draw(N_DRAWS, seed)
                for curve, posterior in found.items()
            },
            {curve: posterior.probability for curve, posterior in found.items()},
        )
    from bayeslaw.downstream.break_sampling import Member, sample_curves

    members = [
        Member(posterior, curve.task, curve.pretraining_mix, covariates(table, curve))
        for curve, posterior in found.items()
    ]
    sampled = sample_curves(members, prior=prior, seed=seed)
    notes = [
        f"NUTS: largest R-hat {sampled.largest_rhat:.3f}, "
        f"{sampled.divergences} divergences, standard error of P(break) at most "
        f"{sampled.break_error:.2f}"
    ]
    if sampled.largest_rhat > MAX_RHAT or sampled.break_error > MAX_BREAK_ERROR:
        notes.append(
            f"the chains do not agree (limits: R-hat {MAX_RHAT}, standard error "
            f"{MAX_BREAK_ERROR}); do not rely on these results, run without --nuts"
        )
    return _Draws(
        {curve: sampled.curves(i, seed) for i, curve in enumerate(found)},
        {curve: sampled.kinds(i) for i, curve in enumerate(found)},
        {
            curve: {
                name: interval(draws, probability)
                for name, draws in sampled.symbols(i).items()
            }
            for i, curve in enumerate(found)
        },
        notes,
    )


def _p_prior(posterior: BreakPosterior) -> float:
    """P(break) before the scores: the posterior without the evidence."""
    prior = np.exp(posterior.log_prior - posterior.log_prior.max())
    return float(prior[DECLINES] / prior.sum())
