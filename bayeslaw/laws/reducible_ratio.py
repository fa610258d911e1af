"""Loss of one language family if the ratio affects only its reducible part."""

from dataclasses import replace
from math import log

import jax.numpy as jnp
from jaxtyping import Array

from bayeslaw.laws import chinchilla, family_loss
from bayeslaw.laws.group_prior import GroupPrior
from bayeslaw.laws.law import Coordinate, Law, Number, Values


def reducible_ratio(
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
    """Held-out loss of one family, L = E + (A/N^alpha + B/D^beta) p^-gamma.

    The alternative to `family_loss`: with enough size and data a small share costs
    nothing.

    Args:
      N: non-embedding parameters, > 0.
      D: training tokens of all families together, > 0.
      p: the family's sampling ratio, in (0, 1].
      E: irreducible loss, in the unit of the table.
      A: size coefficient at p = 1.
      B: data coefficient at p = 1.
      alpha: size exponent.
      beta: data exponent.
      gamma: ratio exponent of the reducible part.

    Returns:
      loss in the unit of the table; all arguments broadcast.

    Source: the law of He et al. 2024 with E left out of the bracket.

    Example:
      >>> parameters = dict(E=1.5, A=400.0, B=600.0, alpha=0.34, beta=0.28, gamma=0.2)
      >>> round(float(reducible_ratio(1e9, 2e10, 0.25, **parameters)), 3)
      2.993
    """
    return E + (A / N**alpha + B / D**beta) * p**-gamma


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
    log_wE, log_wN, log_wD = chinchilla.log_weights(odds_N, odds_D)
    moving = chinchilla.reducible(
        N, D, log_wN=log_wN, log_wD=log_wD, log_alpha=log_alpha, log_beta=log_beta
    )
    ratio = jnp.exp(-jnp.exp(log_gamma) * p)
    return level + jnp.log(jnp.exp(log_wE) + moving * ratio)


def to_natural(coordinates: Values, reference: Values) -> dict[str, Array]:
    """E, A and B (at p = 1), alpha, beta and gamma."""
    gamma = jnp.exp(coordinates["log_gamma"])
    natural = chinchilla.to_natural(coordinates, reference)
    factor = reference["p"] ** gamma
    return natural | {
        "A": natural["A"] * factor,
        "B": natural["B"] * factor,
        "gamma": gamma,
    }


def floor(coordinates: Values) -> Array:
    """Log of E, which ratios do not move."""
    log_wE, _, _ = chinchilla.log_weights(coordinates["odds_N"], coordinates["odds_D"])
    return coordinates["level"] + log_wE


LAW: Law = replace(
    family_loss.LAW,
    name="reducible_ratio",
    function=reducible_ratio,
    # About half the loss of small proxies is reducible, so its exponent is twice as
    # large.
    coordinates={
        **family_loss.LAW.coordinates,
        "log_gamma": Coordinate(
            GroupPrior(log(0.20), 0.7, 0.5), "log ratio exponent of the reducible part"
        ),
    },
    log_mean=log_mean,
    to_natural=to_natural,
    floor=floor,
    source="alternative to He et al. 2024, equation 6, with E outside the bracket",
)
