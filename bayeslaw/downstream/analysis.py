"""From a table of downstream scores to a decision about each of its curves."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from bayeslaw.curves.curve import Curve, plain
from bayeslaw.curves.metrics import ENTROPIES, POINTS
from bayeslaw.curves.table import CurveTable
from bayeslaw.downstream.card import (
    N_DRAWS,
    Baseline,
    Card,
    Drawn,
    Interval,
    Prices,
    best_seen,
    interval,
    make_card,
)
from bayeslaw.downstream.posterior import (
    LEAST_POINTS,
    USUAL_PRIOR,
    BreakPosterior,
    BreakPrior,
    break_posterior,
)
from bayeslaw.downstream.rules import SE_ALONE, Verdict, guide
from bayeslaw.downstream.scale import Scale
from bayeslaw.downstream.shapes import DECLINES, KINDS
from bayeslaw.downstream.sharing import Shared, share
from bayeslaw.errors import InputError
from bayeslaw.runs.findings import first_ten, nearest

Method = Literal["closed-form", "nuts"]
# The metric that decisions are about, if several are given: the first of these.
USUAL_METRICS = ("bleu", "chrf", "chrf++", "comet")
# Change of a score that counts as one, by its unit; a share of the mean for others.
MATTERS = {POINTS: 0.3, "fraction": 0.003}
MATTERS_SHARE = 0.01
MAX_RHAT = 1.1


@dataclass(frozen=True)
class EntropyCheck:
    """Whether the cross-entropy of the same curve goes on falling while it breaks.

    Attributes:
      p_improves: that cross-entropy is lower at D_next than at its last point.
      p_disagrees: that it is lower and the score is worse.
    """

    p_improves: float
    p_disagrees: float


@dataclass(frozen=True)
class CurveDecision:
    """One curve: what it is, what it does, and what to do.

    Attributes:
      curve: which one.
      points: D_p, value and standard error of each point, as in the table.
      seeds: number of runs.
      kinds: probability of each kind of curve, over the points seen.
      p_prior: P(break) over the points seen before their scores, but with the rates
        that all curves of the table suggest.
      p_null: how often a curve that does not decline would look like this one.
      baseline: score without pretraining, None if not in the table.
      card: the decision.
      rule: what the guide of Isik et al. says.
      symbols: of the law, in the papers' notation; from NUTS only.
      entropy: comparison with cross-entropy, None if not in the table.
      drawn: draws of the curve.
      scale: of the score.
    """

    curve: Curve
    points: Mapping[str, Float[np.ndarray, " point"]]
    seeds: int
    kinds: Mapping[str, float]
    p_prior: float
    p_null: float
    baseline: Baseline | None
    card: Card
    rule: Verdict
    symbols: Mapping[str, Interval] | None
    entropy: EntropyCheck | None
    drawn: Drawn
    scale: Scale

    def to_dict(self) -> dict[str, Any]:
        """The numbers, ready for JSON."""
        return {
            **plain(self.curve),
            "points": len(self.points["D_p"]),
            "seeds": self.seeds,
            "kinds": dict(self.kinds),
            "p_prior": self.p_prior,
            "p_null": self.p_null,
            "baseline": asdict(self.baseline) if self.baseline else None,
            **self.card.to_dict(),
            "guide": asdict(self.rule),
            "symbols": {name: asdict(one) for name, one in self.symbols.items()}
            if self.symbols
            else None,
            "entropy": asdict(self.entropy) if self.entropy else None,
        }


@dataclass(frozen=True)
class Breaks:
    """Decisions about all curves of a metric.

    Attributes:
      source, sha256: the table.
      origin: measured, published or simulated; several joined by " and ".
      metric, unit: what the scores are.
      larger_is_better: whether that is so.
      method: how posteriors were computed.
      prices: what was assumed of them.
      probability: of all intervals.
      shared: what all curves together say of breaks; None from NUTS.
      curves: the decisions.
      notes: what was assumed or left out.
    """

    source: str
    sha256: str
    origin: str
    metric: str
    unit: str
    larger_is_better: bool
    method: Method
    prices: Prices
    probability: float
    shared: Shared | None
    curves: tuple[CurveDecision, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """All numbers, ready for JSON."""
        return {
            "source": self.source,
            "sha256": self.sha256,
            "origin": self.origin,
            "metric": self.metric,
            "unit": self.unit,
            "larger_is_better": self.larger_is_better,
            "method": self.method,
            "prices": asdict(self.prices),
            "probability": self.probability,
            "curves": [curve.to_dict() for curve in self.curves],
            "notes": list(self.notes),
        }


def breaks(
    table: CurveTable,
    *,
    metric: str | None = None,
    D_next: float | None = None,
    prices: Prices | None = None,
    prior: BreakPrior = USUAL_PRIOR,
    method: Method = "closed-form",
    lower_is_better: bool | None = None,
    logit: bool = False,
    probability: float = 0.9,
    seed: int = 0,
) -> Breaks:
    """Decide about every curve of a table: how probable is a break, and what to do?

    Args:
      table: downstream scores, see `read_curves`.
      metric: which one decisions are about; BLEU, else chrF or COMET, else the only one
        that is no cross-entropy.
      D_next: tokens of pretraining to think of next; twice the last of each curve if
        None.
      prices: what a score is worth and pretraining costs; by default only scores
        count, and changes of .3 points matter.
      prior: the rate at which curves are believed to break before the table is seen.
      method: closed-form (milliseconds a curve, curves share the rates of breaks) or
        nuts (minutes, they share slopes, levels and exponents too).
      lower_is_better: for metrics that bayeslaw does not know; cross-entropy is.
      logit: let the logit of the score follow the law, for bounded metrics such as
        accuracy, in points or fractions.
      probability: of all intervals.
      seed: of all draws.

    Raises:
      InputError: no such metric, no curve of three checkpoints, or D_next is behind
        the last checkpoint of a curve.

    Example:
      >>> breaks(read_curves("translations.csv")).curves[0].card.choice
      'keep'
    """
    metric, notes = chosen_metric(table, metric)
    unit = table.units[metric]
    is_loss = metric in ENTROPIES if lower_is_better is None else lower_is_better
    scale = Scale(not is_loss, _top(unit) if logit else None)
    found, left_out = _posteriors(table, metric, scale, prior)
    notes += left_out
    _require_ahead(found, D_next)
    shared, found = _shared(table, found, prior)
    drawn = _drawn(table, found, method, seed, probability)
    notes += drawn.notes
    entropies = _entropies(table, prior) if metric not in ENTROPIES else {}
    prices = prices or Prices(matters=usual_change(table, metric))
    context = _Context(table, scale, prices, probability, D_next, seed)
    bests = {
        curve: float(best_seen(drawn.curves[curve], found[curve].checkpoints).mean())
        for curve in found
    }
    return Breaks(
        source=table.source,
        sha256=table.sha256,
        origin=" and ".join(dict.fromkeys(table.columns["origin"].tolist())),
        metric=metric,
        unit=unit,
        larger_is_better=not is_loss,
        method=method,
        prices=prices,
        probability=probability,
        shared=shared if method == "closed-form" else None,
        curves=tuple(
            _decide(curve, found[curve], drawn, bests, entropies, context)
            for curve in found
        ),
        notes=(*table.notes, *notes),
    )


@dataclass(frozen=True)
class _Context:
    """What is the same for all curves."""

    table: CurveTable
    scale: Scale
    prices: Prices
    probability: float
    D_next: float | None
    seed: int


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
    baseline = _baseline(table, curve, scale)
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
            if other != curve and _rivals(other, curve)
        },
        prices=context.prices,
        probability=context.probability,
        seed=context.seed,
    )
    return CurveDecision(
        curve=curve,
        points={"D_p": D, "value": value, "se": se},
        seeds=len(set(table.columns["run"][rows].tolist())),
        kinds=drawn.kinds[curve],
        p_prior=_p_prior(posterior),
        p_null=posterior.p_null(seed=context.seed),
        baseline=baseline,
        card=card,
        rule=guide(D, score, se, card.D_next, context.prices, baseline),
        symbols=drawn.symbols.get(curve),
        entropy=_entropy_check(curve, card, entropies, context.seed),
        drawn=drawn.curves[curve],
        scale=scale,
    )


def usual_change(table: CurveTable, metric: str) -> float:
    """Change of a score that matters: .3 points, or 1 % where there are no bounds."""
    values = table.columns["value"][table.columns["metric"] == metric]
    share = MATTERS_SHARE * float(np.abs(values).mean())
    return MATTERS.get(table.units[metric], share)


def chosen_metric(table: CurveTable, metric: str | None) -> tuple[str, list[str]]:
    """The metric that decisions are about, and what to say of the choice."""
    metrics = list(table.units)
    if metric is not None:
        if metric not in metrics:
            raise InputError(
                "no such metric in the table",
                "argument metric",
                f"`{metric}`",
                f"one of {first_ten(metrics)}",
                f"name `{near}`"
                if (near := nearest(metric, metrics))
                else "name a metric of the table",
            )
        return metric, []
    others = [name for name in metrics if name not in ENTROPIES]
    usual = [name for name in USUAL_METRICS if name in others]
    chosen = (usual or (others if len(others) == 1 else []) or metrics)[0]
    if len(others) > 1 and not usual:
        raise InputError(
            "the table has several metrics",
            "argument metric",
            first_ten(others),
            "the one that decisions are about",
            "name it",
        )
    note = f"decisions are about {chosen}; the table also has "
    rest = [name for name in metrics if name != chosen]
    return chosen, [note + first_ten(rest)] if rest else []


def _top(unit: str) -> float:
    if unit not in MATTERS:
        raise InputError(
            "the logit of a score without bounds",
            "argument logit",
            f"unit `{unit}`",
            "a score in points (0 to 100) or as a fraction",
            "leave `logit` out, or name the unit of the metric",
        )
    return 100.0 if unit == POINTS else 1.0


def _posteriors(
    table: CurveTable, metric: str, scale: Scale, prior: BreakPrior
) -> tuple[dict[Curve, BreakPosterior], list[str]]:
    """Each curve by itself; which ones have too few checkpoints."""
    found, short = {}, []
    for curve in table.curves:
        if curve.metric != metric:
            continue
        rows = table.rows_of(curve)
        D, value, se = (table.columns[name][rows] for name in ("D_p", "value", "se"))
        if len(np.unique(D)) < LEAST_POINTS:
            short.append(str(curve))
            continue
        found[curve] = break_posterior(D, value, se, scale=scale, prior=prior)
    if not found:
        raise InputError(
            "no curve has enough checkpoints to tell its shape",
            f"{table.source}, column `D_p`, metric `{metric}`",
            f"fewer than {LEAST_POINTS} different D_p in each of {len(short)} curves",
            f"at least {LEAST_POINTS} different D_p in a curve",
            "fine-tune and score more checkpoints",
        )
    note = f"left out, with fewer than {LEAST_POINTS} checkpoints: {first_ten(short)}"
    return found, [note] if short else []


def _shared(
    table: CurveTable, found: Mapping[Curve, BreakPosterior], prior: BreakPrior
) -> tuple[Shared, dict[Curve, BreakPosterior]]:
    """The same curves, knowing what the others say of breaks."""
    shared = share(
        list(found.values()),
        [curve.task for curve in found],
        np.array([_covariates(table, curve)[-1] for curve in found]),
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
    """Draws of each curve, probabilities of its kinds, its law, what is to be said."""

    curves: Mapping[Curve, Drawn]
    kinds: Mapping[Curve, Mapping[str, float]]
    symbols: Mapping[Curve, Mapping[str, Interval]] = field(default_factory=dict)
    notes: Sequence[str] = ()


def _drawn(
    table: CurveTable,
    found: Mapping[Curve, BreakPosterior],
    method: Method,
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
    from bayeslaw.downstream.sampling import Member, sample_curves

    members = [
        Member(posterior, curve.task, curve.pretraining_mix, _covariates(table, curve))
        for curve, posterior in found.items()
    ]
    sampled = sample_curves(members, seed=seed)
    notes = [
        f"NUTS: largest R-hat {sampled.largest_rhat:.3f}, "
        f"{sampled.divergences} divergences"
    ]
    if sampled.largest_rhat > MAX_RHAT:
        notes.append("the chains do not agree: use the closed form, or more draws")
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


def _covariates(table: CurveTable, curve: Curve) -> tuple[float, float, float]:
    """Logarithms of D_f (or pairs) and of N, alignment; NaN where not given."""
    data = curve.D_f or curve.pairs
    alignment = table.columns["alignment"][table.rows_of(curve)]
    known = alignment[~np.isnan(alignment)]
    return (
        float(np.log(data)) if data else float("nan"),
        float(np.log(curve.N)) if curve.N else float("nan"),
        float(known[0]) if len(known) else float("nan"),
    )


def _entropies(table: CurveTable, prior: BreakPrior) -> dict[Curve, BreakPosterior]:
    if not any(curve.metric in ENTROPIES for curve in table.curves):
        return {}
    try:
        return _posteriors(table, ENTROPIES[0], Scale(larger_is_better=False), prior)[0]
    except InputError:  # of too few checkpoints to say anything
        return {}


def _entropy_check(
    curve: Curve, card: Card, entropies: Mapping[Curve, BreakPosterior], seed: int
) -> EntropyCheck | None:
    same = [
        posterior
        for other, posterior in entropies.items()
        if other.pretraining_mix == curve.pretraining_mix and _rivals(other, curve)
    ]
    if not same:
        return None
    ends = np.array([same[0].last, card.D_next])
    now, then = same[0].draw(N_DRAWS, seed).at(ends).T
    p_improves = float((then > now).mean())
    return EntropyCheck(p_improves, p_improves * card.p_falls)


def _rivals(one: Curve, other: Curve) -> bool:
    """Whether two curves differ in their mixture or metric only."""
    names = ("task", "N", "D_f", "pairs")
    return all(getattr(one, name) == getattr(other, name) for name in names)


def _baseline(table: CurveTable, curve: Curve, scale: Scale) -> Baseline | None:
    rows = table.rows_of(curve.baseline)
    if not rows.any():
        return None
    value, se = table.columns["value"][rows], table.columns["se"][rows]
    own = np.where(np.isnan(se), SE_ALONE * np.abs(value), se)
    between = value.std(ddof=1) if len(value) > 1 else 0.0
    error = max(float(np.sqrt(np.mean(own**2))), float(between)) / np.sqrt(len(value))
    sign = 1 if scale.larger_is_better else -1
    return Baseline(sign * float(value.mean()), float(error))


def _p_prior(posterior: BreakPosterior) -> float:
    """P(break) without the scores: that of the posterior, less the evidence."""
    prior = np.exp(posterior.log_prior - posterior.log_prior.max())
    return float(prior[DECLINES] / prior.sum())


def _require_ahead(found: Mapping[Curve, BreakPosterior], D_next: float | None) -> None:
    behind: Sequence[Curve] = [
        curve
        for curve, posterior in found.items()
        if D_next is not None and posterior.last >= D_next
    ]
    if behind:
        raise InputError(
            "D_next lies behind the last checkpoint",
            "argument D_next",
            f"{D_next:.6g}, and {behind[0]} ends at {found[behind[0]].last:.6g}",
            "more tokens than the last checkpoint of every curve",
            "name more tokens, or leave it out for twice the last of each",
        )
