"""Which of two mixtures is better, and in which family a regret lies."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from bayeslaw.target import Target

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
