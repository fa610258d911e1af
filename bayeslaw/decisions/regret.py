"""What choosing a mixture costs: its regret, and what would make up for it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from bayeslaw.decisions.target import Target
from bayeslaw.numbers import interval_levels

# Name of the mixture that a decision recommends, among those compared.
OWN = "recommended"


@dataclass(frozen=True)
class MixtureRegret:
    """What choosing one mixture costs against each draw's own optimum.

    Attributes:
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


# Range of the data multiplier searched for the compute-equivalent of a regret.
MAX_DATA_FACTOR = 1e4


COMPUTE_DRAWS = 1000


def regret_of(
    name: str,
    target: Target,
    ratios: np.ndarray,
    action: np.ndarray,
    best: np.ndarray,
    probability: float,
) -> MixtureRegret:
    """What choosing a mixture costs.

    Args:
      name: of the mixture.
      target: the target run.
      ratios: the mixture. Shape (source,).
      action: the recommended mixture.
      best: optimum of each draw. Shape (draw, source).
      probability: of the interval of the regret.
    """
    loss, least = target.loss(ratios), target.loss(best)
    recommended = target.loss(action)
    regret = loss / least - 1
    lower, upper = np.quantile(regret, interval_levels(probability))
    gain = np.log(loss / recommended)
    factor = np.ones(1) if name == OWN else _data_factor(target, ratios, action)
    return MixtureRegret(
        name=name,
        ratios=target.named(ratios),
        regret=float(regret.mean()),
        regret_lower=float(lower),
        regret_upper=float(upper),
        p_worse=float((loss > recommended).mean()),
        p_beyond_noise=float((gain > target.noise_width(ratios)).mean()),
        compute_factor=float(np.median(factor)),
        p_unreachable=float(np.isinf(factor).mean()),
        breaks=target.feasible.broken(ratios),
    )


def _data_factor(target: Target, ratios: np.ndarray, action: np.ndarray) -> np.ndarray:
    """How many times more tokens a mixture needs to match the recommended one.

    Compute is proportional to tokens at fixed size, so this is its compute-equivalent;
    infinite where no amount of data makes up for the mixture.
    """
    n_draws = len(target.losses)
    pick = np.linspace(0, n_draws - 1, min(COMPUTE_DRAWS, n_draws))
    pick = np.unique(pick.astype(int))
    wanted = target.loss(action)[pick]

    def is_short_at(log_factor: np.ndarray) -> np.ndarray:
        # Exponents that drift with tokens can overflow so far out: not reached there.
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            D = target.D * np.exp(log_factor)
            return ~(target.loss_with_tokens(D, ratios, pick) <= wanted)

    low = np.full(len(pick), -np.log(MAX_DATA_FACTOR))
    high = -low
    unreachable = is_short_at(high)
    for _ in range(40):
        middle = (low + high) / 2
        is_short = is_short_at(middle)
        low, high = np.where(is_short, middle, low), np.where(is_short, high, middle)
    return np.where(unreachable, np.inf, np.exp(high))


# Losses closer than this, as a share, are of one mixture computed in two ways.
SAME = 1e-12


def p_better(
    losses: Mapping[str, Float[np.ndarray, " draw"]],
) -> dict[str, dict[str, float]]:
    """Probability that one mixture has a lower loss than another, for every pair.

    Args:
      losses: loss of every draw by name of the mixture.

    Returns:
      p[a][b] = P(a better than b); two mixtures that are the same have .5 each.

    Example:
      >>> p_better({"a": np.array([1.0, 2.0]), "b": np.array([2.0, 3.0])})["a"]["b"]
      1.0
    """
    return {
        name: {
            other: _p_less(loss, other_loss)
            for other, other_loss in losses.items()
            if other != name
        }
        for name, loss in losses.items()
    }


def _p_less(a: np.ndarray, b: np.ndarray) -> float:
    gain = np.where(np.isclose(a, b, rtol=SAME, atol=0.0), 0.0, b - a)
    return float((1 + np.sign(gain)).mean() / 2)


def regret_by_family(
    target: Target, ratios: np.ndarray, best: Float[np.ndarray, "draw source"]
) -> dict[str, float]:
    """Expected regret of a mixture, divided among the families.

    A family's loss alone rises where its share fell and falls where it rose, and these
    sums of large numbers nearly cancel. So what the shift was worth at the draw's
    optimum is taken off: family i has l_i(q_i) - l_i(b_i) - l_i'(b_i) (q_i - b_i),
    never negative because l_i is convex; q_i and b_i are the ratios that its loss
    depends on (its own, with transfer the effective ones). At an optimum inside the
    simplex all slopes are equal, and the parts sum to the regret.

    Args:
      target: the target run, without constraints.
      ratios: the mixture. Shape (source,).
      best: optimum of each draw.

    Returns:
      parts of the regret by family, shares of the loss.
    """
    losses = target.losses
    at_best, at = losses.effective(best), losses.effective(ratios)
    slope, _ = losses.by_ratio(at_best)
    moved = losses.at(ratios) - losses.at(best) - slope * (at - at_best)
    parts = (moved / target.loss(best)[:, None]).mean(0)
    return dict(zip(target.families, parts.tolist(), strict=True))
