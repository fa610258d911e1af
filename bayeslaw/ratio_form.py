"""What draws of a law say of mixtures at one target run: floor + c p^-g a family."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from bayeslaw.errors import InputError
from bayeslaw.law import Law
from bayeslaw.spec import ModelSpec


class RatioForm(NamedTuple):
    """Loss of each family at a target run as floor + (full - floor) p^-exponent.

    Args:
      full: loss at p = 1.
      floor: the part that ratios do not move.
      exponent: ratio exponent at the target's size.
    """

    full: Float[np.ndarray, "draw family"]
    floor: Float[np.ndarray, "draw family"]
    exponent: Float[np.ndarray, "draw family"]


def require_ratio_form(spec: ModelSpec) -> None:
    """Refuse a model whose loss is no such function of each family's own ratio.

    Raises:
      InputError: saying why.
    """
    law = spec.law_record
    if not law.has_ratio:
        raise InputError(
            "law has no sampling ratios",
            f"model spec {spec.name}, key law",
            spec.law,
            "a law of N, D and p, such as family_loss",
            "use such a law for ratio decisions",
        )
    if "mixture" in law.all_inputs:
        raise InputError(
            "ratios of a law with transfer are not decided yet",
            f"model spec {spec.name}, section [extensions]",
            "transfer = true",
            "a law in which a family's loss depends on its own ratio alone",
            "use transfer = false for the decision; compare by held-out score",
        )


def ratio_form(
    law: Law,
    values: Mapping[str, Float[np.ndarray, "draw family"]],
    reference: Mapping[str, float],
    N: float,
    D: float | Float[np.ndarray, " draw"],
) -> RatioForm:
    """Loss against the ratio at a target run.

    Args:
      law: a law with ratios and without transfer.
      values: draws of its coordinates.
      reference: value of each input at the reference point.
      N: non-embedding parameters of the target run.
      D: its training tokens, one number or one for each draw. Tokens are taken as seen
        once, and the run as cooled.
    """
    n_draws, n_families = values["level"].shape

    def log_loss(p: float) -> np.ndarray:
        def one(coordinates: Any, D: Any) -> Any:
            plain: dict[str, Any] = {"N": N, "D": D, "p": p}
            point: dict[str, Any] = {
                name: jnp.log(plain[name] / reference[name]) for name in law.inputs
            }
            point |= {"epochs": 1.0, "trunk": 0.0}
            inputs = {
                name: jnp.broadcast_to(jnp.asarray(point[name]), (n_families, 1))
                for name in law.all_inputs
            }
            return law.log_outcome(inputs, coordinates)[:, 0]

        with jax.enable_x64(True):
            drawn = {name: jnp.asarray(values[name]) for name in law.coordinates}
            tokens = jnp.broadcast_to(jnp.asarray(D, float), (n_draws,))
            return np.asarray(jax.vmap(one)(drawn, tokens))

    full = np.exp(log_loss(1.0))
    floor = np.zeros_like(full)
    if law.floor is not None:
        with jax.enable_x64(True):
            floor = np.exp(np.asarray(law.floor(values)))
    other = np.exp(log_loss(float(np.exp(-1.0))))
    return RatioForm(full, floor, np.log((other - floor) / (full - floor)))
