"""Loss as a function of model size and training tokens, without mixture."""

from math import log
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from bayeslaw.laws.extensions import REPETITION, TRUNK_OFFSET
from bayeslaw.laws.group_prior import GroupPrior
from bayeslaw.laws.law import Coordinate, DataFixed, Law, Number, Values

# How sharply the share of the reducible loss saturates at 1, see `_from_slopes`.
SHARPNESS = 3.0


def chinchilla(
    N: Number,
    D: Number,
    *,
    E: Number,
    A: Number,
    B: Number,
    alpha: Number,
    beta: Number,
) -> Number:
    """Held-out loss, L = E + A/N^alpha + B/D^beta.

    Args:
      N: parameters, > 0.
      D: training tokens, > 0.
      E: irreducible loss, in the unit of the table.
      A: size coefficient.
      B: data coefficient.
      alpha: size exponent.
      beta: data exponent.

    Returns:
      loss in the unit of the table; all arguments broadcast.

    Source: Hoffmann et al. 2022, arXiv 2203.15556, equation 2.

    Example:
      >>> parameters = dict(E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)
      >>> round(float(chinchilla(70e9, 1.4e12, **parameters)), 3)
      1.937
    """
    return E + A / N**alpha + B / D**beta


def log_weights(odds_N: Number, odds_D: Number) -> tuple[Number, Number, Number]:
    """Logs of the shares of the loss at the reference due to E, N and D; sum is 1."""
    total = jnp.logaddexp(0.0, jnp.logaddexp(odds_N, odds_D))
    return -total, odds_N - total, odds_D - total


def reducible(
    N: Number,
    D: Number,
    *,
    log_wN: Number,
    log_wD: Number,
    log_alpha: Number,
    log_beta: Number,
) -> Number:
    """Size and data terms over the loss at the reference; N, D are logs."""
    # The weights sum to 1, so the plain sum neither over- nor underflows within many
    # decades of the reference; logsumexp would cost a third more per gradient.
    size = jnp.exp(log_wN - jnp.exp(log_alpha) * N)
    return size + jnp.exp(log_wD - jnp.exp(log_beta) * D)


def log_mean(
    N: Number,
    D: Number,
    *,
    level: Number,
    odds_N: Number,
    odds_D: Number,
    log_alpha: Number,
    log_beta: Number,
) -> Number:
    """Log loss in centred coordinates; N, D are log(value / reference)."""
    log_wE, log_wN, log_wD = log_weights(odds_N, odds_D)
    moving = reducible(
        N, D, log_wN=log_wN, log_wD=log_wD, log_alpha=log_alpha, log_beta=log_beta
    )
    return level + jnp.log(jnp.exp(log_wE) + moving)


def to_natural(coordinates: Values, reference: Values) -> dict[str, Array]:
    """The paper's E, A, B, alpha and beta."""
    level = coordinates["level"]
    log_wE, log_wN, log_wD = log_weights(coordinates["odds_N"], coordinates["odds_D"])
    alpha, beta = (jnp.exp(coordinates[name]) for name in ("log_alpha", "log_beta"))
    return {
        "E": jnp.exp(level + log_wE),
        "A": jnp.exp(level + log_wN + alpha * jnp.log(reference["N"])),
        "B": jnp.exp(level + log_wD + beta * jnp.log(reference["D"])),
        "alpha": alpha,
        "beta": beta,
    }


# Sampling raw E, A, B at N = 1 does not converge (corr(log A, log alpha) = -.99). The
# data fix the local slopes s = alpha w of log loss, so the chains move these; exponents
# stay where their prior holds them, and the odds, whose prior is wide, follow. Near a
# loss without irreducible part alpha w would leave the range of shares, so w is
# a saturating function of hazards h: w = g(h) h_j / h with h = h_N + h_D,
# g = h / (1 + h^K)^(1/K) and log h_j = log s_j - log exponent.
def _to_slopes(values: Values) -> tuple[Any, ...]:
    _, log_wN, log_wD = log_weights(values["odds_N"], values["odds_D"])
    log_g = jnp.logaddexp(log_wN, log_wD)
    log_over = -jnp.log(-jnp.expm1(SHARPNESS * log_g)) / SHARPNESS
    return (
        log_wN + log_over + values["log_alpha"],
        log_wD + log_over + values["log_beta"],
    )


def _from_slopes(
    slopes: tuple[Any, ...], values: Values
) -> tuple[tuple[Any, ...], Any]:
    log_h_N = slopes[0] - values["log_alpha"]
    log_h_D = slopes[1] - values["log_beta"]
    log_h = jnp.logaddexp(log_h_N, log_h_D)
    power = jax.nn.softplus(SHARPNESS * log_h)
    log_wE = jnp.log(-jnp.expm1(-jax.nn.softplus(-SHARPNESS * log_h) / SHARPNESS))
    common = -power / SHARPNESS - log_wE
    log_det = jnp.log(
        jnp.exp(-power) + jnp.exp(log_h - (1 / SHARPNESS + 1) * power - log_wE)
    )
    return (log_h_N + common, log_h_D + common), log_det


SLOPES = DataFixed(("odds_N", "odds_D"), _to_slopes, _from_slopes)

COORDINATES: dict[str, Coordinate] = {
    "level": Coordinate(
        GroupPrior(log(2.0), 0.8, 0.4), "log loss at the reference point"
    ),
    "odds_N": Coordinate(
        GroupPrior(log(0.5 / 1.5), 0.7, 0.5),
        "log of size term over irreducible term at the reference",
    ),
    "odds_D": Coordinate(
        GroupPrior(log(0.4 / 1.5), 0.7, 0.5),
        "log of data term over irreducible term at the reference",
    ),
    "log_alpha": Coordinate(
        GroupPrior(log(0.33), 0.3, 0.2), "log size exponent", centred=False
    ),
    "log_beta": Coordinate(
        GroupPrior(log(0.30), 0.3, 0.2), "log data exponent", centred=False
    ),
}

LAW: Law = Law(
    name="chinchilla",
    function=chinchilla,
    inputs=("N", "D"),
    parameters=("E", "A", "B", "alpha", "beta"),
    coordinates=COORDINATES,
    log_mean=log_mean,
    to_natural=to_natural,
    increasing={"N": False, "D": False},
    has_ratio=False,
    outcome="loss",
    domain="N > 0, D > 0",
    source="Hoffmann et al. 2022, arXiv 2203.15556, equation 2",
    data_fixed=SLOPES,
    offered=(REPETITION, TRUNK_OFFSET),
)
