"""Drift: the ratio exponent changes with the size of the model."""

from typing import Any

import jax.numpy as jnp

from bayeslaw.law import Coordinate, Extension, Values
from bayeslaw.priors import GroupPrior


def adjust(inputs: Values, coordinates: Values) -> tuple[Values, Values]:
    """gamma(N) = gamma (N/N0)^drift: a power, so that it stays positive."""
    # (group, cell): from here on the exponent differs between cells.
    log_gamma, drift = (coordinates[name][:, None] for name in ("log_gamma", "drift"))
    return inputs, {**coordinates, "log_gamma": log_gamma + drift * inputs["N"]}


def to_natural(coordinates: Values) -> dict[str, Any]:
    """The drift of each family and its factor on gamma for each decade of N."""
    return {"gamma_per_decade": jnp.exp(jnp.log(10.0) * coordinates["drift"])}


DRIFT = Extension(
    name="drift",
    meaning="ratio exponent gamma_i (N/N0)^drift_i instead of gamma_i at every size",
    coordinates={
        "drift": Coordinate(
            GroupPrior(0.0, 0.1, 0.1), "power of N in gamma", centred=False
        )
    },
    adjust=adjust,
    to_natural=to_natural,
    is_default=True,
    source="He et al. 2024 assume none; intervals for ratios are too narrow if wrong",
)
