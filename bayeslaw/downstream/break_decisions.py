"""What is decided about curves of downstream scores, as records."""

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
      matters: change of a score that counts as one.
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
    matters: float
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
            "matters": self.matters,
            "probability": self.probability,
            "curves": [curve.to_dict() for curve in self.curves],
            "notes": list(self.notes),
        }
