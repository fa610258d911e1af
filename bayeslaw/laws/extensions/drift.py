"""Drift: the ratio exponent changes with the size of the model, or with its tokens."""

from typing import Any

import jax.numpy as jnp

from bayeslaw.laws.group_prior import GroupPrior
from bayeslaw.laws.law import Coordinate, Extension, Values, row


def _drift(
    name: str, of: str, factor: str, *, prior: GroupPrior, is_default: bool, source: str
) -> Extension:
    """gamma(x) = gamma (x/x0)^drift: a power, so that it stays positive.

    Args:
      name: of the extension and of its coordinate.
      of: the input x, N or D.
      factor: name of the factor on gamma for each decade of x.
      prior: of the power.
      is_default: whether it is on where a spec does not say.
      source: reason.
    """

    def adjust(inputs: Values, coordinates: Values) -> tuple[Values, Values]:
        # (group, cell): from here on the exponent differs between cells.
        log_gamma, drift = (row(coordinates[key]) for key in ("log_gamma", name))
        return inputs, {**coordinates, "log_gamma": log_gamma + drift * inputs[of]}

    def to_natural(coordinates: Values) -> dict[str, Any]:
        return {factor: jnp.exp(jnp.log(10.0) * coordinates[name])}

    meaning = f"ratio exponent gamma_i ({of}/{of}0)^{name}_i instead of gamma_i"
    coordinate = Coordinate(prior, f"power of {of} in gamma", centred=False)
    return Extension(
        name=name,
        meaning=meaning,
        coordinates={name: coordinate},
        adjust=adjust,
        to_natural=to_natural,
        is_default=is_default,
        source=source,
    )


DRIFT = _drift(
    "drift",
    "N",
    "gamma_per_decade",
    prior=GroupPrior(0.0, 0.1, 0.1),
    is_default=True,
    source="He et al. 2024 assume none; if wrong, intervals of ratios are too narrow",
)
TOKEN_DRIFT = _drift(
    "token_drift",
    "D",
    "gamma_per_decade_of_tokens",
    prior=GroupPrior(0.0, 0.2, 0.1),
    is_default=False,
    source="measured in runs/debian-families; He et al. 2024 assume none",
)
