"""The record of what choosing one mixture costs."""

from dataclasses import dataclass

# Name of the mixture that a decision recommends, among those compared.
OWN = "recommended"


@dataclass(frozen=True)
class MixtureVerdict:
    """What choosing one mixture costs against each draw's own optimum.

    Args:
      name: name of the mixture.
      ratios: its sampling ratios by family.
      regret: expected excess of the loss over the draw's optimum, a share (0.01 = 1 %).
      regret_lower: lower end of the regret's interval.
      regret_upper: upper end of the regret's interval.
      p_worse: probability that its loss is above the recommended mixture's.
      p_beyond_noise: probability that the recommended mixture's gain over it exceeds
        what the loss of a single run of it typically owes to its seed, see
        `Target.noise_width`.
      compute_factor: median factor of tokens (so of compute) it needs to match the
        recommended mixture; inf if no amount does.
      p_unreachable: probability that no amount of data up to 10^4-fold does.
      breaks: constraints that the mixture breaks; its regret may then be negative.
    """

    name: str
    ratios: dict[str, float]
    regret: float
    regret_lower: float
    regret_upper: float
    p_worse: float
    p_beyond_noise: float
    compute_factor: float
    p_unreachable: float
    breaks: tuple[str, ...] = ()
