"""Transfer: text of one family also lowers the loss of another."""

from math import log
from typing import Any

import jax.numpy as jnp

from bayeslaw.laws.group_prior import GroupPrior
from bayeslaw.laws.law import Coordinate, Extension, Values


def effective_ratio(mixture: Any, transfer: Any) -> Any:
    """Effective ratio q_i = sum_j tau_ij p_j, where tau_ii = 1.

    Args:
      mixture: ratio of every source, (source, cell).
      transfer: worth tau_ij of a token of source j to family i, (group, source).
    """
    return transfer @ mixture


def with_own(log_transfer: Any, own: Any) -> Any:
    """Worths tau from their logs, 1 where the source is the family itself."""
    return jnp.where(own, 1.0, jnp.exp(log_transfer))


def adjust(inputs: Values, coordinates: Values) -> tuple[Values, Values]:
    """Replace p by the effective ratio."""
    transfer = with_own(coordinates["log_transfer"], inputs["own"])
    ratio = jnp.log(effective_ratio(inputs["mixture"], transfer)) - inputs["log_p0"]
    return {**inputs, "p": ratio}, coordinates


def to_natural(coordinates: Values) -> dict[str, Any]:
    """Report tau_ij; that of a family to itself is always 1."""
    return {"transfer": jnp.exp(coordinates["log_transfer"])}


TRANSFER = Extension(
    name="transfer",
    meaning="effective ratio q_i = p_i + sum_j tau_ij p_j instead of p_i",
    coordinates={
        # A token of another family is worth .01 of an own one in the prior's middle,
        # and between .0002 and .5 for most pairs.
        "log_transfer": Coordinate(
            GroupPrior(log(0.01), 1.0, 2.0),
            "log worth of a token of another family",
            centred=False,
            per="pair",
        )
    },
    adjust=adjust,
    to_natural=to_natural,
    inputs=("mixture", "own", "log_p0"),
    replaces="p",
    source="He et al. 2024, section 4, test independence with a p-value only",
)
