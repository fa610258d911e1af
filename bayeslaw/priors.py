"""Prior distributions that laws and specs name: plain numbers, no library needed."""

import math
from dataclasses import dataclass

# Width of the LogNormal on every between-group standard deviation. A HalfNormal piles
# up mass at zero, where the hierarchy turns into a funnel and NUTS diverges.
GROUP_SD_LOG_SCALE = 0.5


@dataclass(frozen=True)
class GroupPrior:
    """Prior of one coordinate that differs between groups (language families).

    | quantity            | distribution                        | shape    |
    |---------------------|-------------------------------------|----------|
    | mean over groups    | Normal(loc, scale)                  | ()       |
    | sd between groups   | LogNormal(log(spread / 2), 0.5)     | ()       |
    | value of group i    | Normal(mean, sd)                    | (group,) |

    Args:
      loc: prior mean of the mean over groups, in the coordinate's own unit.
      scale: prior standard deviation of the mean over groups; positive.
      spread: twice the prior median of the between-group sd; positive.
    """

    loc: float
    scale: float
    spread: float

    def __post_init__(self) -> None:
        if not (self.scale > 0 and self.spread > 0 and math.isfinite(self.loc)):
            raise ValueError(f"prior needs finite loc, scale > 0, spread > 0: {self}")

    @property
    def sd_loc(self) -> float:
        """Location of the LogNormal prior of the between-group sd."""
        return math.log(self.spread / 2)

    @property
    def total_scale(self) -> float:
        """Sd of one group's value when groups are fitted apart (no pooling)."""
        return math.hypot(self.scale, self.spread)
