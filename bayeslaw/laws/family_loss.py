"""Loss of one language family from model size, training tokens and sampling ratio."""

from math import log

import jax.numpy as jnp
from jaxtyping import Array

from bayeslaw.law import Coordinate, Law, Number, Values
from bayeslaw.priors import GroupPrior


def family_loss(
    N: Number,
    D: Number,
    p: Number,
    *,
    E: Number,
    A: Number,
    B: Number,
    alpha: Number,
    beta: Number,
    gamma: Number,
) -> Number:
    """Held-out loss of one family, L = (E + A/N^alpha + B/D^beta) p^-gamma.

    Args:
      N: non-embedding parameters, > 0.
      D: training tokens of all families together, > 0.
      p: the family's sampling ratio, in (0, 1].
      E: irreducible loss at p = 1, in the unit of the table.
      A: size coefficient at p = 1.
      B: data coefficient at p = 1.
      alpha: size exponent.
      beta: data exponent.
      gamma: ratio exponent.

    Returns:
      loss in the unit of the table; all arguments broadcast.

    Source: He et al. 2024, arXiv 2410.12883, equation 6.

    Example:
      >>> parameters = dict(E=1.5, A=400.0, B=600.0, alpha=0.34, beta=0.28, gamma=0.1)
      >>> round(float(family_loss(1e9, 2e10, 0.25, **parameters)), 3)
      2.859
    """
    return (E + A / N**alpha + B / D**beta) * p**-gamma


def log_weights(odds_N: Number, odds_D: Number) -> tuple[Number, Number, Number]:
    """Logs of the shares of the loss at the reference due to E, N and D; sum is 1."""
    total = jnp.logaddexp(0.0, jnp.logaddexp(odds_N, odds_D))
    return -total, odds_N - total, odds_D - total


def log_mean(
    N: Number,
    D: Number,
    p: Number,
    *,
    level: Number,
    odds_N: Number,
    odds_D: Number,
    log_alpha: Number,
    log_beta: Number,
    log_gamma: Number,
) -> Number:
    """Log loss in centred coordinates; N, D, p are log(value / reference)."""
    log_wE, log_wN, log_wD = log_weights(odds_N, odds_D)
    # The weights sum to 1, so the plain sum neither over- nor underflows within many
    # decades of the reference; logsumexp would cost a third more per gradient.
    reducible = jnp.exp(log_wN - jnp.exp(log_alpha) * N) + jnp.exp(
        log_wD - jnp.exp(log_beta) * D
    )
    return level + jnp.log(jnp.exp(log_wE) + reducible) - jnp.exp(log_gamma) * p


def to_natural(coordinates: Values, reference: Values) -> dict[str, Array]:
    """The paper's E, A, B (at p = 1), alpha, beta and gamma."""
    log_wE, log_wN, log_wD = log_weights(coordinates["odds_N"], coordinates["odds_D"])
    alpha, beta, gamma = (
        jnp.exp(coordinates[name]) for name in ("log_alpha", "log_beta", "log_gamma")
    )
    at_full_ratio = coordinates["level"] + gamma * jnp.log(reference["p"])
    return {
        "E": jnp.exp(at_full_ratio + log_wE),
        "A": jnp.exp(at_full_ratio + log_wN + alpha * jnp.log(reference["N"])),
        "B": jnp.exp(at_full_ratio + log_wD + beta * jnp.log(reference["D"])),
        "alpha": alpha,
        "beta": beta,
        "gamma": gamma,
    }


def _size_weight(values: Values) -> Number:
    return log_weights(values["odds_N"], values["odds_D"])[1]


def _data_weight(values: Values) -> Number:
    return log_weights(values["odds_N"], values["odds_D"])[2]


# Sampling raw E, A, B at N = 1 does not converge (corr(log A, log alpha) = -.99). The
# data fix the level at the reference point and the local elasticities alpha wN and
# beta wD, so NUTS moves their means over families; the priors stay on alpha and beta.
# What sets families apart in alpha and beta is small and data-poor, hence non-centred:
# centred elasticities gave 24 divergences of 4000 on the sample study, this gives none.
COORDINATES = {
    "level": Coordinate(
        GroupPrior(log(2.0), 0.8, 0.4), "log loss at the reference point"
    ),
    "odds_N": Coordinate(
        GroupPrior(log(0.5 / 1.5), 0.7, 0.5),
        "log of size term over irreducible term at the reference",
        centred=False,
    ),
    "odds_D": Coordinate(
        GroupPrior(log(0.4 / 1.5), 0.7, 0.5),
        "log of data term over irreducible term at the reference",
        centred=False,
    ),
    "log_alpha": Coordinate(
        GroupPrior(log(0.33), 0.3, 0.2),
        "log size exponent",
        centred=False,
        shift=_size_weight,
    ),
    "log_beta": Coordinate(
        GroupPrior(log(0.30), 0.3, 0.2),
        "log data exponent",
        centred=False,
        shift=_data_weight,
    ),
    "log_gamma": Coordinate(GroupPrior(log(0.10), 0.7, 0.5), "log ratio exponent"),
}

LAW = Law(
    name="family_loss",
    function=family_loss,
    inputs=("N", "D", "p"),
    parameters=("E", "A", "B", "alpha", "beta", "gamma"),
    coordinates=COORDINATES,
    log_mean=log_mean,
    to_natural=to_natural,
    increasing={"N": False, "D": False, "p": False},
    ratio_exponent="gamma",
    outcome="loss",
    domain="N > 0, D > 0, 0 < p <= 1",
    source="He et al. 2024, arXiv 2410.12883, equation 6",
)
