"""Token drift: the ratio exponent changes with the number of training tokens."""

from typing import Any

import jax.numpy as jnp

from bayeslaw.law import Coordinate, Extension, Values, row
from bayeslaw.priors import GroupPrior


def adjust(inputs: Values, coordinates: Values) -> tuple[Values, Values]:
    """gamma(D) = gamma (D/D0)^token_drift, times what drift with size makes of it."""
    log_gamma, drift = (row(coordinates[name]) for name in ("log_gamma", "token_drift"))
    return inputs, {**coordinates, "log_gamma": log_gamma + drift * inputs["D"]}


def to_natural(coordinates: Values) -> dict[str, Any]:
    """The factor on gamma for each decade of D."""
    return {
        "gamma_per_decade_of_tokens": jnp.exp(
            jnp.log(10.0) * coordinates["token_drift"]
        )
    }


TOKEN_DRIFT = Extension(
    name="token_drift",
    meaning="ratio exponent gamma_i (D/D0)^token_drift_i instead of gamma_i at every D",
    coordinates={
        "token_drift": Coordinate(
            GroupPrior(0.0, 0.2, 0.1), "power of D in gamma", centred=False
        )
    },
    adjust=adjust,
    to_natural=to_natural,
    source="measured: runs/debian-families; He et al. 2024 assume none",
)
