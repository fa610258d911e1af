"""What runs may be chosen, and what they cost; every default stands here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bayeslaw.errors import InputError


@dataclass(frozen=True)
class Costs:
    """What a run costs.

    Attributes:
      overhead: FLOPs that any run costs beside 6 N D.
      cooldown: share of each token count that a cooled model needs of its own, where
        one run yields several; None where every run has one token count.
    """

    overhead: float = 0.0
    cooldown: float | None = None

    def of(self, N: float, tokens: Sequence[float]) -> float:
        """FLOPs of a run: 6 N D for each token trained on (Kaplan et al. 2020)."""
        forks = (self.cooldown or 0.0) * sum(tokens[:-1])
        return 6 * N * (tokens[-1] + forks) + self.overhead


@dataclass(frozen=True)
class DesignSettings:
    """Settings of a choice of runs.

    Attributes:
      runs: how many at most.
      sizes: non-embedding parameters by name of the proxy; those tried if None.
      tokens: training tokens to choose from; those tried if None.
      costs: what a run costs.
      min_N: no smaller proxies.
      min_share: smallest share of every family in a mixture.
      max_mixtures: mixtures to consider for each size and token count.
      anchor: share of the budget kept for one run as large as it pays; 0 for none.
      tolerance: regret, a share of the loss, treated as zero.
      exchange: FLOPs for proxies that one FLOP saved in the target run is worth; inf
        for runs at any cost.
      is_frugal: choose by gain for the cost alone and leave the rest of the budget for
        later; if not, the best use of the whole budget.
      seed: of the random mixtures.

    Raises:
      InputError: a setting is out of range.
    """

    runs: int = 8
    sizes: Mapping[str, float] | None = None
    tokens: Sequence[float] | None = None
    costs: Costs = Costs()
    min_N: float = 0.0
    min_share: float = 0.01
    max_mixtures: int = 256
    anchor: float = 0.15
    tolerance: float = 1e-4
    exchange: float = 1.0
    is_frugal: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        for name, is_right, wanted in (
            ("runs", self.runs >= 1, "at least 1"),
            ("anchor", 0 <= self.anchor < 1, "a share of the budget, 0 to below 1"),
            ("tolerance", self.tolerance >= 0, "a share of the loss, 0 or more"),
            ("exchange", self.exchange > 0, "FLOPs for a FLOP, above 0"),
            ("min_share", 0 < self.min_share < 1, "a ratio between 0 and 1"),
        ):
            if not is_right:
                raise InputError(
                    "choice of runs out of range",
                    f"setting {name}",
                    f"{getattr(self, name):g}",
                    wanted,
                    "give another value",
                )
