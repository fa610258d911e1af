"""Prior distributions of laws and specs: plain numbers, no library needed."""

import math
from dataclasses import dataclass

# Width of the LogNormal on every between-group standard deviation. A HalfNormal piles
# up mass at zero, where the hierarchy turns into a funnel and NUTS diverges.
GROUP_SD_LOG_SCALE = 0.5


def gamma_of_quantiles(
    lower: float, low: float, upper: float, high: float
) -> tuple[float, float]:
    """Find shape and rate of the Gamma distribution with two given quantiles.

    Args:
      lower: smaller probability.
      low: its quantile, positive.
      upper: larger probability.
      high: its quantile, above low.

    Raises:
      ValueError: the quantiles are too near or too far for a shape of 0.01 to 1e8.

    Example:
      >>> gamma_of_quantiles(0.05, 3.55, 0.95, 47.4)
      (2.0, 0.1)
    """
    from scipy.optimize import brentq
    from scipy.stats import gamma

    def excess(log_shape: float) -> float:
        ends = gamma.ppf([lower, upper], math.exp(log_shape))
        return float(math.log(ends[1] / ends[0]) - math.log(high / low))

    shape = math.exp(brentq(excess, math.log(0.01), math.log(1e8), xtol=1e-12))
    return shape, float(gamma.ppf(upper, shape)) / high


@dataclass(frozen=True)
class GroupPrior:
    """Prior of one coordinate that differs between groups (language families).

    | quantity            | distribution                        | shape    |
    |---------------------|-------------------------------------|----------|
    | mean over groups    | Normal(loc, scale)                  | ()       |
    | sd between groups   | LogNormal(log(spread / 2), 0.5)     | ()       |
    | value of group i    | Normal(mean, sd)                    | (group,) |

    Attributes:
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
