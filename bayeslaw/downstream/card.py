"""The decision about one curve: keep pretraining, stop, drop the mixture, or switch.

Everything here is computed from draws of the curve, however they were made. Larger
scores are better: the sign of a loss is reversed.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from bayeslaw.downstream.curve_shapes import DECLINES
from bayeslaw.numbers import interval_levels

N_DRAWS = 4000
# D_p that are looked at for where pretraining stops to pay, over the last one.
HORIZON = np.geomspace(1, 64, 97)
# Parts of the draws, by the score they would show at one more checkpoint.
PARTS = 40


@runtime_checkable
class Drawn(Protocol):
    """Curves drawn from a posterior, one per draw."""

    @property
    def kind(self) -> Int[np.ndarray, " draw"]:
        """Index in `KINDS` within the points seen."""

    @property
    def bend(self) -> Float[np.ndarray, " draw"]:
        """D_p at which each begins to decline, seen or not; inf if never."""

    def at(self, D: Float[np.ndarray, " point"]) -> Float[np.ndarray, "draw point"]:
        """Score without noise at some D_p; larger is better."""


@dataclass(frozen=True)
class Prices:
    """Value of a score and cost of pretraining, in one currency.

    Attributes:
      value: value of one unit of the score, e.g. one BLEU point.
      cost: cost of one token of pretraining.
    """

    value: float = 1.0
    cost: float = 0.0


USUAL_PRICES = Prices()


@dataclass(frozen=True)
class Baseline:
    """The score without pretraining (larger is better): mean and standard error."""

    value: float
    se: float


@dataclass(frozen=True)
class Interval:
    """Median and ends of a central interval; NaN without draws."""

    lower: float
    median: float
    upper: float


@dataclass(frozen=True)
class Probe:
    """One more fine-tune of a checkpoint between the scored ones.

    Attributes:
      D_p: pretraining tokens of the most informative checkpoint.
      value: expected rise of the decision's utility once its score is known.
    """

    D_p: float
    value: float


@dataclass(frozen=True)
class Card:
    """What to do about one curve, and why.

    Attributes:
      D_last, D_next: the last D_p scored, and the next one considered.
      p_break: probability that the curve begins to decline before D_next; beyond
        D_last it rests on the prior alone.
      p_break_seen: probability that it has begun to decline before D_last.
      break_D: D_p of the break, if there is one.
      fall: how far the score at D_last is below its highest, if there is a break.
      p_falls: probability that the score at D_next is below that at D_last.
      gain: improvement of the score from D_last to D_next.
      score_next: score at D_next, without the noise of a test set.
      p_matters: probability that the gain is large enough to matter.
      p_pretraining_helps: probability that the score at D_last is better than without
        pretraining; None if that score is not known.
      utilities: expected utility of each choice from now on, without past costs.
      choice: the best choice.
      margin: lead of the best choice over the next best.
      probe: one more fine-tune; None if there is no further checkpoint.
      D_best: D_p at which pretraining has the highest expected utility.
      D_even: largest D_p whose expected utility is that of stopping now; inf if beyond
        64 times D_last.
    """

    D_last: float
    D_next: float
    p_break: float
    p_break_seen: float
    break_D: Interval
    fall: Interval
    p_falls: float
    gain: Interval
    score_next: Interval
    p_matters: float
    p_pretraining_helps: float | None
    utilities: Mapping[str, float]
    choice: str
    margin: float
    probe: Probe | None
    D_best: float
    D_even: float

    def to_dict(self) -> dict[str, Any]:
        """Convert the fields to a plain record for JSON."""
        return asdict(self)


def make_card(
    curves: Drawn,
    checkpoints: Float[np.ndarray, " checkpoint"],
    *,
    noise: float,
    p_seen: float | None = None,
    D_next: float | None = None,
    baseline: Baseline | None = None,
    others: Mapping[str, float] | None = None,
    prices: Prices = USUAL_PRICES,
    matters: float = 0.3,
    probability: float = 0.9,
    seed: int = 0,
) -> Card:
    """Decide about a curve.

    Args:
      curves: draws of the curve.
      checkpoints: D_p that have been scored, increasing.
      noise: standard error of the score of one more checkpoint.
      p_seen: P(break) within the checkpoints, if known more exactly than from draws.
      D_next: next number of pretraining tokens to consider; twice the last if None.
      baseline: the score without pretraining.
      others: expected best scores of the same task with other mixtures, by name.
      prices: value of a score and cost of pretraining.
      matters: smallest change of the score that matters.
      probability: probability of the intervals.
      seed: random seed of the noise.
    """
    last = float(checkpoints[-1])
    D_next = 2 * last if D_next is None else D_next
    path = curves.at(np.geomspace(checkpoints[0], last, 60))
    now, then = path[:, -1], curves.at(np.array([D_next]))[:, 0]
    broken = curves.kind == DECLINES
    p_seen = float(broken.mean()) if p_seen is None else p_seen
    later = (curves.bend < D_next)[~broken]
    choices = _choices(curves, checkpoints, then, D_next, baseline, others or {})
    worth = {
        name: prices.value * score - prices.cost * tokens
        for name, (score, tokens) in choices.items()
    }
    utilities = {name: float(value.mean()) for name, value in worth.items()}
    ranked = sorted(utilities, key=lambda name: -utilities[name])
    D_best, D_even = _horizon(curves, last, prices)
    return Card(
        D_last=last,
        D_next=D_next,
        p_break=p_seen + (1 - p_seen) * float(later.mean() if len(later) else 0),
        p_break_seen=p_seen,
        break_D=interval(curves.bend[broken], probability),
        fall=interval((path.max(1) - now)[broken], probability),
        p_falls=float((then < now).mean()),
        gain=interval(then - now, probability),
        score_next=interval(then, probability),
        p_matters=float((then - now >= matters).mean()),
        p_pretraining_helps=_p_above(now, baseline, seed),
        utilities=utilities,
        choice=ranked[0],
        margin=utilities[ranked[0]] - utilities[ranked[1]],
        probe=_probe(curves, checkpoints, np.stack(list(worth.values())), noise, seed),
        D_best=D_best,
        D_even=D_even,
    )


def interval(values: Float[np.ndarray, " draw"], probability: float) -> Interval:
    """Median and central interval of draws."""
    if not len(values):
        return Interval(*(float("nan"),) * 3)
    lower_level, upper_level = interval_levels(probability)
    return Interval(*map(float, np.quantile(values, [lower_level, 0.5, upper_level])))


def best_seen(
    curves: Drawn, checkpoints: Float[np.ndarray, " checkpoint"]
) -> Float[np.ndarray, " draw"]:
    """Score, in each draw, of the checkpoint whose expected score is the highest."""
    scores = curves.at(checkpoints)
    return scores[:, scores.mean(0).argmax()]


def _choices(
    curves: Drawn,
    checkpoints: Float[np.ndarray, " checkpoint"],
    then: Float[np.ndarray, " draw"],
    D_next: float,
    baseline: Baseline | None,
    others: Mapping[str, float],
) -> dict[str, tuple[Float[np.ndarray, " draw"], float]]:
    """Score of each choice in each draw, and the tokens it still needs."""
    found = {
        "keep": (then, D_next - float(checkpoints[-1])),
        "stop": (best_seen(curves, checkpoints), 0.0),
    }
    if baseline is not None:
        found["drop"] = np.full_like(then, baseline.value), 0.0
    for name, score in others.items():
        found[f"switch to {name}"] = np.full_like(then, score), 0.0
    return found


def _probe(
    curves: Drawn,
    checkpoints: Float[np.ndarray, " checkpoint"],
    worth: Float[np.ndarray, "choice draw"],
    noise: float,
    seed: int,
) -> Probe | None:
    """The checkpoint between scored ones that would help the decision most.

    Draws are sorted by the score that they would show there. In each of `PARTS` parts
    one half says which choice is best and the other half what it is worth, so that
    chance differences between choices are not taken for a gain.
    """
    between = np.sqrt(checkpoints[:-1] * checkpoints[1:])
    if not len(between) or worth.shape[1] < 4 * PARTS:
        return None
    rng = np.random.default_rng(seed)
    shown = curves.at(between)
    shown = shown + noise * rng.normal(size=shown.shape)
    now = worth.mean(1).max()
    gains = []
    for column in shown.T:
        order = column.argsort()[: worth.shape[1] // PARTS * PARTS]
        parts = worth[:, order].reshape(len(worth), PARTS, -1)
        one, other = parts[..., ::2].mean(2), parts[..., 1::2].mean(2)
        chosen = [
            other[one.argmax(0), range(PARTS)],
            one[other.argmax(0), range(PARTS)],
        ]
        gains.append(np.mean(chosen) - now)
    best = int(np.argmax(gains))
    return Probe(float(between[best]), max(float(gains[best]), 0.0))


def _horizon(curves: Drawn, last: float, prices: Prices) -> tuple[float, float]:
    """D_p of highest expected utility, and the last one not worse than stopping."""
    D = last * HORIZON
    worth = prices.value * curves.at(D).mean(0) - prices.cost * (D - D[0])
    pays = np.flatnonzero(worth >= worth[0])[-1]
    even = np.inf if pays == len(D) - 1 else D[pays]
    return float(D[worth.argmax()]), float(even)


def _p_above(
    now: Float[np.ndarray, " draw"], baseline: Baseline | None, seed: int
) -> float | None:
    if baseline is None:
        return None
    noise = np.random.default_rng(seed + 1).normal(size=len(now))
    return float((now > baseline.value + baseline.se * noise).mean())
