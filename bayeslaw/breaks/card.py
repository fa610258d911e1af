"""The decision about one curve: keep pretraining, stop, drop the mixture, or switch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from bayeslaw.breaks.probability import BreakPosterior, Curves
from bayeslaw.breaks.shapes import DECLINES

N_DRAWS = 4000
# D_p that are looked at for where pretraining stops to pay, over the last one.
HORIZON = np.geomspace(1, 64, 49)


@dataclass(frozen=True)
class Prices:
    """What a score is worth and what pretraining costs, in one currency.

    Attributes:
      value: of one unit of the score, e.g. one BLEU point.
      cost: of one token of pretraining.
      matters: change of the score that counts as one.
    """

    value: float = 1.0
    cost: float = 0.0
    matters: float = 0.3


@dataclass(frozen=True)
class Baseline:
    """The score without pretraining: mean of its runs and standard error."""

    value: float
    se: float


@dataclass(frozen=True)
class Card:
    """What to do about one curve, and why.

    Scores are the larger the better; those of a loss have their sign turned around.

    Attributes:
      kinds: probability of each kind of curve over the points seen.
      D_next: where it is asked whether to go.
      p_break: that the curve begins to decline before D_next.
      p_break_seen: that it has begun before the last point.
      break_D: median and interval of where, if it has.
      fall: median and interval of how far below its highest score it then is.
      p_falls: that the score at D_next is below that of the last point.
      change: median and interval of the change from the last point to D_next.
      p_matters: that it rises by at least `Prices.matters`.
      p_pretraining_helps: that the last point beats no pretraining; NaN if not known.
      utilities: expected utility of each choice, from now on.
      choice: the best one.
      margin: how much better than the next best.
      D_stop: largest D_p that it pays to go to, in expectation; the last one if none.
    """

    kinds: Mapping[str, float]
    D_next: float
    p_break: float
    p_break_seen: float
    break_D: tuple[float, float, float]
    fall: tuple[float, float, float]
    p_falls: float
    change: tuple[float, float, float]
    p_matters: float
    p_pretraining_helps: float
    utilities: Mapping[str, float]
    choice: str
    margin: float
    D_stop: float

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return asdict(self)


def make_card(
    posterior: BreakPosterior,
    *,
    D_next: float | None = None,
    baseline: Baseline | None = None,
    others: Mapping[str, BreakPosterior] | None = None,
    prices: Prices = Prices(),
    probability: float = 0.9,
    seed: int = 0,
) -> Card:
    """The decision about a curve.

    Args:
      posterior: the curve.
      D_next: tokens of pretraining to think of next; twice the last if None.
      baseline: the score without pretraining, the larger the better.
      others: curves of the same task with other mixtures, by name.
      prices: what a score is worth.
      probability: of the intervals.
      seed: of the draws.
    """
    last = posterior.last
    D_next = 2 * last if D_next is None else D_next
    curves = posterior.draw(N_DRAWS, seed)
    seen = np.geomspace(posterior.first, last, 60)
    path = curves.at(seen)
    now, then = path[:, -1], curves.at(np.array([D_next]))[:, 0]
    broken = curves.shapes.kind == DECLINES
    bends = posterior.first * np.exp(curves.shapes.bend[broken] * posterior.span)
    falls = path[broken].max(1) - now[broken]
    utilities = _utilities(curves, D_next, baseline, others or {}, prices, seed)
    ranked = sorted(utilities, key=lambda name: -utilities[name])
    return Card(
        kinds=posterior.probability,
        D_next=D_next,
        p_break=float(curves.breaks_before(D_next).mean()),
        p_break_seen=posterior.p_break,
        break_D=_interval(bends, probability),
        fall=_interval(falls, probability),
        p_falls=float((then < now).mean()),
        change=_interval(then - now, probability),
        p_matters=float((then - now >= prices.matters).mean()),
        p_pretraining_helps=_p_above(now, baseline, seed),
        utilities=utilities,
        choice=ranked[0],
        margin=utilities[ranked[0]] - utilities[ranked[1]],
        D_stop=_where_to_stop(curves, prices),
    )


def _utilities(
    curves: Curves,
    D_next: float,
    baseline: Baseline | None,
    others: Mapping[str, BreakPosterior],
    prices: Prices,
    seed: int,
) -> dict[str, float]:
    """Expected utility of each choice; what has been spent is spent."""
    posterior = curves.posterior
    checkpoints = posterior.first * np.exp(
        np.unique(posterior.points.t) * posterior.span
    )
    best_seen = curves.at(checkpoints).mean(0).max()
    score = curves.at(np.array([D_next])).mean()
    found = {
        "keep": prices.value * score - prices.cost * (D_next - posterior.last),
        "stop": prices.value * best_seen,
    }
    if baseline is not None:
        found["drop"] = prices.value * baseline.value
    for name, other in others.items():
        there = other.draw(N_DRAWS, seed).at(np.array([other.last])).mean()
        found[f"switch to {name}"] = prices.value * there
    return {name: float(value) for name, value in found.items()}


def _where_to_stop(curves: Curves, prices: Prices) -> float:
    D = curves.posterior.last * HORIZON
    worth = prices.value * curves.at(D).mean(0) - prices.cost * (D - D[0])
    return float(D[worth.argmax()])


def _p_above(
    now: Float[np.ndarray, " draw"], baseline: Baseline | None, seed: int
) -> float:
    if baseline is None:
        return float("nan")
    noise = np.random.default_rng(seed + 1).normal(size=len(now))
    return float((now > baseline.value + baseline.se * noise).mean())


def _interval(
    values: Float[np.ndarray, " draw"], probability: float
) -> tuple[float, float, float]:
    """Lower end, median and upper end; NaN of nothing."""
    if not len(values):
        return (float("nan"),) * 3
    tail = (1 - probability) / 2
    low, middle, high = np.quantile(values, [tail, 0.5, 1 - tail])
    return float(low), float(middle), float(high)
