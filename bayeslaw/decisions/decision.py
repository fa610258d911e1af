"""The record of a ratio decision."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from bayeslaw.checks import Extrapolation, PriorSensitivity
from bayeslaw.decisions.regret import MixtureRegret


@dataclass(frozen=True)
class FamilyRatio:
    """What a decision says of one family, or of another source of text.

    Attributes:
      name: language family; with transfer also other text that was trained on.
      weight: importance; all weights sum to 1, that of text without a loss is 0.
      ratio: share of the recommended mixture (Bayes action).
      lower: lower end of the interval of each draw's optimal ratio.
      median: median of each draw's optimal ratio.
      upper: upper end of the interval of each draw's optimal ratio.
      flat_lower: lowest share, others in proportion, that costs less than the
        tolerance, see `Flatness`.
      flat_upper: highest such share.
      doubled_weight: recommended share if its weight were doubled.
      regret: its part of the recommended mixture's expected regret, a share of the
        loss, see `regret_by_family`; None under constraints or without a loss.
      epochs: how often the recommended mixture sees its text; None where the table
        does not state its unique tokens.
    """

    name: str
    weight: float
    ratio: float
    lower: float
    median: float
    upper: float
    flat_lower: float
    flat_upper: float
    doubled_weight: float
    regret: float | None
    epochs: float | None


@dataclass(frozen=True)
class TargetRun:
    """The run a decision is made for, and what is minimised there.

    Attributes:
      N: non-embedding parameters.
      D: training tokens.
      normalised: whether each family's loss is divided by its loss at p = 1.
      unit: unit of the expected loss.
      extrapolation: how far the run lies from those of the table.
    """

    N: float
    D: float
    normalised: bool
    unit: str
    extrapolation: Extrapolation


@dataclass(frozen=True)
class Flatness:
    """How far the recommended mixture can be left at almost no cost.

    Attributes:
      tolerance: share of the expected loss treated as no difference.
      radius: every mixture that moves at most this share of the tokens away from the
        recommended one costs less than the tolerance, see `flat_radius`; None under
        constraints, or where the loss is not convex.
      p_settled: probability that the regret of the recommended mixture is below the
        tolerance, so that no further run could gain more.
      boundary: corners of the region in which every mixture costs less than the
        tolerance, for three families where the radius is known; else none. Shape
        (point, family).
    """

    tolerance: float
    radius: float | None
    p_settled: float
    boundary: Float[np.ndarray, "point family"]


@dataclass(frozen=True)
class Doubts:
    """What speaks against trusting a decision.

    Attributes:
      failed_checks: checks that failed and were allowed to.
      warnings: what the checks warn of, one clause each.
      prior_sensitivity: how each family's optimal ratio answers to power-scaling of
        the prior and of the likelihood; empty if the posterior lacks log densities.
      unsolved_draws: draws whose optimum was not proved to be one.
      is_proved: whether the recommended mixture is; False where the losses are not
        convex, which repetition can cause.
    """

    failed_checks: tuple[str, ...]
    warnings: tuple[str, ...]
    prior_sensitivity: tuple[PriorSensitivity, ...]
    unsolved_draws: int
    is_proved: bool


@dataclass(frozen=True)
class Limited:
    """The constraints of a decision.

    Attributes:
      constraints: limits and risk as given, see `Constraints`, and with `repeats` where
        R comes from; empty if nothing is constrained.
      binding: constraints that the recommended mixture touches, in words.
      risk_loss: what it minimises: the expected loss, or with "cvar" the mean loss of
        the worst share of draws.
    """

    constraints: dict[str, Any]
    binding: tuple[str, ...]
    risk_loss: float


@dataclass(frozen=True)
class MadeFrom:
    """What a decision was made from.

    Attributes:
      origin: origin of the rows behind the posterior.
      spec_sha256: hash of the model spec.
      table_sha256: hash of the table.
    """

    origin: str
    spec_sha256: str
    table_sha256: str


@dataclass(frozen=True)
class Decision:
    """Recommended sampling ratios and everything needed to judge them.

    Attributes:
      target: the run decided for.
      families: one record a family, in the order of the posterior.
      probability: probability of every interval.
      expected_loss: posterior mean of the weighted loss of the recommended mixture.
      recommended: regret of the recommended mixture: the value of perfect information.
      compared: regrets of the other mixtures.
      p_better: P(a better than b) of every two mixtures, as p_better[a][b].
      flat: how far the mixture can be left at almost no cost.
      limited: constraints and risk.
      doubts: failed checks, warnings, prior sensitivity.
      made_from: origin and hashes.
      optimal_draws: optimum of each draw. Shape (draw, family).
    """

    target: TargetRun
    families: tuple[FamilyRatio, ...]
    probability: float
    expected_loss: float
    recommended: MixtureRegret
    compared: tuple[MixtureRegret, ...]
    p_better: dict[str, dict[str, float]]
    flat: Flatness
    limited: Limited
    doubts: Doubts
    made_from: MadeFrom
    optimal_draws: Float[np.ndarray, "draw family"]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the families, in order."""
        return tuple(one.name for one in self.families)

    @property
    def ratios(self) -> dict[str, float]:
        """The recommended mixture by family."""
        return {one.name: one.ratio for one in self.families}

    def family(self, name: str) -> FamilyRatio:
        """The record of one family.

        Raises:
          KeyError: the decision has no such family.
        """
        return dict(zip(self.names, self.families, strict=True))[name]

    def to_dict(self) -> dict[str, Any]:
        """Plain record for JSON, arrays that figures are drawn from left out."""
        record = asdict(self)
        del record["optimal_draws"], record["flat"]["boundary"]
        return {"ratios": self.ratios, **record}
