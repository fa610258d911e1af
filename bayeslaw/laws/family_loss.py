"""Loss of one language family as a function of size, tokens and sampling ratio."""

from dataclasses import replace
from math import log

import jax.numpy as jnp
from jaxtyping import Array

from bayeslaw.laws import chinchilla
from bayeslaw.laws.extensions import (
    DRIFT,
    REPETITION,
    TOKEN_DRIFT,
    TRANSFER,
    TRUNK_OFFSET,
)
from bayeslaw.laws.group_prior import GroupPrior
from bayeslaw.laws.law import Coordinate, Law, Number, Values


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
    at_reference_ratio = chinchilla.log_mean(
        N,
        D,
        level=level,
        odds_N=odds_N,
        odds_D=odds_D,
        log_alpha=log_alpha,
        log_beta=log_beta,
    )
    return at_reference_ratio - jnp.exp(log_gamma) * p


def to_natural(coordinates: Values, reference: Values) -> dict[str, Array]:
    """The paper's E, A, B (at p = 1), alpha, beta and gamma."""
    gamma = jnp.exp(coordinates["log_gamma"])
    at_full_ratio = coordinates["level"] + gamma * jnp.log(reference["p"])
    moved = {**coordinates, "level": at_full_ratio}
    return chinchilla.to_natural(moved, reference) | {"gamma": gamma}


LAW: Law = replace(
    chinchilla.LAW,
    name="family_loss",
    function=family_loss,
    inputs=("N", "D", "p"),
    parameters=("E", "A", "B", "alpha", "beta", "gamma"),
    coordinates=chinchilla.COORDINATES
    | {"log_gamma": Coordinate(GroupPrior(log(0.10), 0.7, 0.5), "log ratio exponent")},
    log_mean=log_mean,
    to_natural=to_natural,
    increasing={"N": False, "D": False, "p": False},
    has_ratio=True,
    domain="N > 0, D > 0, 0 < p <= 1",
    source="He et al. 2024, arXiv 2410.12883, equation 6",
    offered=(DRIFT, TOKEN_DRIFT, TRANSFER, REPETITION, TRUNK_OFFSET),
)
