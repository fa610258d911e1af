"""Repetition: a token seen again is worth less than a new one."""

from math import log
from typing import Any

import jax.numpy as jnp

from bayeslaw.laws.group_prior import GroupPrior
from bayeslaw.laws.law import Coordinate, Extension, Number, Values


def worth(epochs: Number, R: Number) -> Any:
    """Average worth of a token, relative to a new token.

    Args:
      epochs: how often each distinct token was seen; 1 or less means all new.
      R: repetitions after which the gain has fallen to 1/e, R*_D of the paper.

    Returns:
      (1 + R (1 - exp(-(epochs - 1) / R))) / epochs.

    Source: Muennighoff et al. 2023, arXiv 2305.16264, equation 5.
    """
    seen = jnp.maximum(epochs, 1.0)
    return (1 - R * jnp.expm1(-(seen - 1) / R)) / seen


def adjust(inputs: Values, coordinates: Values) -> tuple[Values, Values]:
    """Weight tokens by their worth in the data term."""
    R = jnp.exp(coordinates["log_R"])[:, None]
    tokens = inputs["D"] + jnp.log(worth(inputs["epochs"], R))
    return {**inputs, "D": tokens}, coordinates


def to_natural(coordinates: Values) -> dict[str, Any]:
    """R*_D of the paper."""
    return {"R": jnp.exp(coordinates["log_R"])}


REPETITION = Extension(
    name="repetition",
    meaning="repeated tokens are worth less in the data term",
    coordinates={
        "log_R": Coordinate(
            GroupPrior(log(15.4), 0.7, 0.5),
            "log repetitions until the gain has fallen to 1/e",
            centred=False,
        )
    },
    adjust=adjust,
    to_natural=to_natural,
    inputs=("epochs",),
    source="Muennighoff et al. 2023, arXiv 2305.16264",
)
