"""What draws of a law say of mixtures at one target run: floor + c p^-g a family."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

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
    law: Law, reference: Mapping[str, float], N: float
) -> Callable[[Mapping[str, np.ndarray], Any], RatioForm]:
    """The function (values, D) -> loss against the ratio at a target run.

    It is compiled at its first call, so keep it where it is called often. `values` are
    draws of the law's coordinates, of shape (draw, family); D is one number of training
    tokens or one for each draw. Tokens are taken as seen once, and the run as cooled.

    Args:
      law: a law with ratios and without transfer.
      reference: value of each input at the reference point.
      N: non-embedding parameters of the target run.
    """

    @jax.jit
    def log_outcomes(inputs: Any, drawn: Any) -> Array:
        def one(inputs: Any, coordinates: Any) -> Array:
            n_families = len(coordinates["level"])
            one_cell = {
                name: jnp.broadcast_to(x, (n_families, 1)) for name, x in inputs.items()
            }
            return law.log_outcome(one_cell, coordinates)[:, 0]

        return jax.vmap(one)(inputs, drawn)

    def log_loss(values: Mapping[str, np.ndarray], D: Any, p: float) -> np.ndarray:
        n_draws = len(values["level"])
        plain = {"N": N, "D": D, "p": p}
        point = {name: np.log(plain[name] / reference[name]) for name in law.inputs}
        point |= {"epochs": 1.0, "trunk": 0.0}
        with jax.enable_x64(True):
            drawn = {name: jnp.asarray(values[name]) for name in law.coordinates}
            inputs = {
                name: jnp.broadcast_to(jnp.asarray(point[name], float), (n_draws,))
                for name in law.all_inputs
            }
            return np.asarray(log_outcomes(inputs, drawn))

    def form(values: Mapping[str, np.ndarray], D: Any) -> RatioForm:
        full = np.exp(log_loss(values, D, 1.0))
        floor = np.zeros_like(full)
        if law.floor is not None:
            with jax.enable_x64(True):
                floor = np.exp(np.asarray(law.floor(values)))
        other = np.exp(log_loss(values, D, float(np.exp(-1.0))))
        return RatioForm(full, floor, np.log((other - floor) / (full - floor)))

    return form
