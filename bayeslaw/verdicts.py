"""What choosing a mixture costs: its regret, and what would make up for it."""

import numpy as np

from bayeslaw.mixture_verdict import OWN, MixtureVerdict
from bayeslaw.target import Target

# Range of the data multiplier searched for the compute-equivalent of a regret.
MAX_DATA_FACTOR = 1e4
COMPUTE_DRAWS = 1000


def verdict_of(
    name: str,
    target: Target,
    ratios: np.ndarray,
    action: np.ndarray,
    best: np.ndarray,
    probability: float,
) -> MixtureVerdict:
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
    tail = (1 - probability) / 2
    lower, upper = np.quantile(regret, [tail, 1 - tail])
    gain = np.log(loss / recommended)
    factor = np.ones(1) if name == OWN else _data_factor(target, ratios, action)
    return MixtureVerdict(
        name=name,
        ratios=target.named(ratios),
        regret=float(regret.mean()),
        regret_lower=float(lower),
        regret_upper=float(upper),
        p_worse=float((loss > recommended).mean()),
        p_beyond_noise=float((gain > target.noise_width(ratios)).mean()),
        compute_factor=float(np.median(factor)),
        p_unreachable=float(np.isinf(factor).mean()),
        breaks=target.allowance.broken(ratios),
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
