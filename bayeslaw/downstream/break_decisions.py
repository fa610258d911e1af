"""Records of the decisions about curves of downstream scores."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from bayeslaw.data.scores import Curve, plain
from bayeslaw.downstream.card import Baseline, Card, Drawn, Interval, Prices
from bayeslaw.downstream.rules import Verdict
from bayeslaw.downstream.score_scale import Scale
from bayeslaw.downstream.sharing import Shared

Method = Literal["closed-form", "nuts"]


@dataclass(frozen=True)
class EntropyCheck:
    """Whether the cross-entropy of the same curve improves while its score falls.

    Attributes:
      p_improves: probability that cross-entropy is lower at D_next than at its last
        point.
      p_disagrees: probability that it is lower and the score is worse.
    """

    p_improves: float
    p_disagrees: float


@dataclass(frozen=True)
class CurveDecision:
    """The decision about one curve, with the evidence behind it.

    Attributes:
      curve: the curve.
      points: D_p, value and standard error of each point, as in the table.
      seeds: number of runs.
      kinds: probability of each kind of curve, over the points seen.
      p_prior: P(break) over the points seen, before their scores but with the break
        rate estimated from all curves of the table.
      p_null: how often a curve that does not decline would look like this one.
      baseline: score without pretraining, None if not in the table.
      card: the decision.
      rule: recommendation of the guide of Isik et al.
      symbols: parameters of the law in the papers' notation; from NUTS only.
      entropy: comparison with cross-entropy, None if not in the table.
      drawn: draws of the curve.
      scale: scale on which the score follows its law.
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
        """Convert the numbers to a plain record for JSON."""
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
      larger_is_better: whether larger scores are better.
      method: how posteriors were computed.
      prices: value of a score and cost of pretraining.
      matters: smallest change of a score that matters.
      probability: probability of all intervals.
      shared: rate of breaks estimated from all curves; None from NUTS.
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
    matters: float
    probability: float
    shared: Shared | None
    curves: tuple[CurveDecision, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Convert all numbers to a plain record for JSON."""
        return {
            "source": self.source,
            "sha256": self.sha256,
            "origin": self.origin,
            "metric": self.metric,
            "unit": self.unit,
            "larger_is_better": self.larger_is_better,
            "method": self.method,
            "prices": asdict(self.prices),
            "matters": self.matters,
            "probability": self.probability,
            "curves": [curve.to_dict() for curve in self.curves],
            "notes": list(self.notes),
        }
