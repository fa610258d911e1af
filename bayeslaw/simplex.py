"""Minimise separable power losses on the simplex: per draw, and in expectation.

The loss of a mixture p is sum_i a_i p_i^-g_i with a_i, g_i > 0. It is convex in p, so
the stationary point is the optimum.
"""

import numpy as np
from jaxtyping import Float

MAX_STEPS = 100
TOLERANCE = 1e-12


def separable_loss(
    a: Float[np.ndarray, "draw family"],
    g: Float[np.ndarray, "draw family"],
    ratios: Float[np.ndarray, "*batch family"],
) -> Float[np.ndarray, "..."]:
    """Loss sum_i a_i p_i^-g_i of a mixture, or of one mixture per draw."""
    return (a * np.exp(-g * np.log(ratios))).sum(-1)


def optimum_per_draw(
    a: Float[np.ndarray, "draw family"], g: Float[np.ndarray, "draw family"]
) -> Float[np.ndarray, "draw family"]:
    """The mixture that minimises each draw's loss.

    Stationarity gives log p_i = (s_i - u) / (1 + g_i) with s_i = log(a_i g_i); u makes
    the ratios sum to 1.

    Args:
      a: loss of each family at p = 1 times its weight, positive.
      g: ratio exponents, positive.

    Returns:
      ratios, positive, each row summing to 1.
    """
    s = np.log(a * g)
    # log sum exp is convex and decreasing in u and not negative at max(s): Newton from
    # there never overshoots.
    u = s.max(-1, keepdims=True)
    for _ in range(MAX_STEPS):
        log_p = (s - u) / (1 + g)
        top = log_p.max(-1, keepdims=True)
        p = np.exp(log_p - top)
        total = p.sum(-1, keepdims=True)
        excess = top + np.log(total)
        if np.abs(excess).max() < TOLERANCE:
            break
        u = u + excess * total / (p / (1 + g)).sum(-1, keepdims=True)
    else:
        raise RuntimeError("optimal ratios did not converge; exponents out of range?")
    ratios = np.exp((s - u) / (1 + g))
    return ratios / ratios.sum(-1, keepdims=True)


def optimum_in_expectation(
    a: Float[np.ndarray, "draw family"], g: Float[np.ndarray, "draw family"]
) -> Float[np.ndarray, " family"]:
    """The one mixture that minimises the loss averaged over draws (Bayes action).

    With x = log p, stationarity reads h_i(x_i) = u for all i, where
    h_i(x) = log mean_s(a_si g_si exp(-g_si x)) - x, beside log sum exp(x) = 0: a Newton
    step in the K + 1 unknowns has a closed form.

    Args:
      a: loss of each family at p = 1 times its weight, positive.
      g: ratio exponents, positive.

    Returns:
      ratios, positive, summing to 1.
    """
    log_ag = np.log(a * g)
    x = np.log(
        optimum_per_draw(
            np.exp(np.log(a).mean(0, keepdims=True)),
            np.exp(np.log(g).mean(0, keepdims=True)),
        )[0]
    )
    for _ in range(MAX_STEPS):
        terms = log_ag - g * x
        top = terms.max(0)
        weights = np.exp(terms - top)
        h = top + np.log(weights.mean(0)) - x
        slope = -(weights * g).sum(0) / weights.sum(0) - 1
        p = np.exp(x)
        excess = np.log(p.sum())
        p = p / p.sum()
        u = ((p * h / slope).sum() - excess) / (p / slope).sum()
        step = (u - h) / slope
        x = x + step
        if np.abs(step).max() < TOLERANCE:
            break
    else:
        raise RuntimeError("Bayes action did not converge; exponents out of range?")
    ratios = np.exp(x)
    return ratios / ratios.sum()
