"""What draws of a law say of mixtures at one target run: floor + c q^-g a family."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from bayeslaw.errors import InputError
from bayeslaw.laws import LAWS, Law
from bayeslaw.laws.extensions import REPETITION, worth
from bayeslaw.model import ModelSpec
from bayeslaw.numbers import in_float64

# R*_D of Muennighoff et al. 2023, arXiv 2305.16264, section 5, for models without it.
PUBLISHED_R = 15.39
# Epochs at which the data part of a loss is measured: far from fresh.
MANY_EPOCHS = 50.0


class DataPart(NamedTuple):
    """How the loss at p = 1 grows where tokens are repeated, see `Repetition`.

    Attributes:
      share: share of full - floor due to the data term, tokens being fresh.
      beta: data exponent.
      R: repetitions until the gain has fallen to 1/e.
    """

    share: Float[np.ndarray, "draw family"]
    beta: Float[np.ndarray, "draw family"]
    R: Float[np.ndarray, "draw family"]


class TargetLoss(NamedTuple):
    """Loss of each family at a target run as floor + (full - floor) q^-exponent.

    Attributes:
      full: loss at ratio 1.
      floor: the part that ratios do not move.
      exponent: ratio exponent at the target's size.
      data: what repetition changes; None if all tokens count as fresh.
    """

    full: Float[np.ndarray, "draw family"]
    floor: Float[np.ndarray, "draw family"]
    exponent: Float[np.ndarray, "draw family"]
    data: DataPart | None = None


def require_ratios(spec: ModelSpec) -> None:
    """Refuse a model whose loss does not depend on ratios.

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


def target_loss_of(
    law: Law,
    reference: Mapping[str, float],
    N: float,
    *,
    repeats: bool = False,
) -> Callable[[Mapping[str, np.ndarray], Any], TargetLoss]:
    """The function (values, D) -> loss against the effective ratio at a target run.

    It is compiled at its first call, so keep it where it is called often. `values` are
    draws of the law's coordinates, of shape (draw, family); D is one number of training
    tokens or one for each draw. The run is taken as cooled.

    Args:
      law: a law with ratios; its transfer, if any, makes the effective ratios, and is
        left to the caller.
      reference: value of each input at the reference point.
      N: non-embedding parameters of the target run.
      repeats: whether repeated tokens count at their worth, with the published constant
        where the law has none of its own; as fresh if not.
    """
    log_loss = _log_loss(_own_law(law, repeats), reference, N)

    @in_float64
    def form(values: Mapping[str, np.ndarray], D: Any) -> TargetLoss:
        if repeats and "log_R" not in values:
            log_R = np.full(values["level"].shape, np.log(PUBLISHED_R))
            values = {**values, "log_R": log_R}
        full = np.exp(log_loss(values, D))
        floor = np.zeros_like(full)
        if law.floor is not None:
            floor = np.exp(np.asarray(law.floor(values)))
        other = np.exp(log_loss(values, D, p=float(np.exp(-1.0))))
        found = TargetLoss(full, floor, np.log((other - floor) / (full - floor)))
        if not repeats:
            return found
        R, beta = np.exp(values["log_R"]), np.exp(values["log_beta"])
        repeated = np.exp(log_loss(values, D, epochs=MANY_EPOCHS))
        growth = np.asarray(worth(MANY_EPOCHS, R)) ** -beta - 1
        share = (repeated - full) / (growth * (full - floor))
        return found._replace(data=DataPart(share, beta, R))

    return form


def _own_law(law: Law, repeats: bool) -> Law:
    """The law of a family's own ratio, with repetition or without."""
    names = {part.name for part in law.extensions} - {"transfer", REPETITION.name}
    return LAWS[law.name].extended([*names, *([REPETITION.name] if repeats else [])])


def _log_loss(
    law: Law, reference: Mapping[str, float], N: float
) -> Callable[..., np.ndarray]:
    """The function (values, D, p, epochs) -> log loss of every draw and family."""

    @jax.jit
    def log_outcomes(inputs: Any, drawn: Any) -> Array:
        def one(inputs: Any, coordinates: Any) -> Array:
            n_families = len(coordinates["level"])
            one_cell = {
                name: jnp.broadcast_to(x, (n_families, 1)) for name, x in inputs.items()
            }
            return law.log_outcome(one_cell, coordinates)[:, 0]

        return jax.vmap(one)(inputs, drawn)

    @in_float64
    def log_loss(
        values: Mapping[str, np.ndarray], D: Any, *, p: float = 1.0, epochs: float = 1.0
    ) -> np.ndarray:
        n_draws = len(values["level"])
        plain = {"N": N, "D": D, "p": p}
        point = {name: np.log(plain[name] / reference[name]) for name in law.inputs}
        point |= {"epochs": epochs, "trunk": 0.0}
        drawn = {name: jnp.asarray(values[name]) for name in law.coordinates}
        inputs = {
            name: jnp.broadcast_to(jnp.asarray(point[name], float), (n_draws,))
            for name in law.all_inputs
        }
        return np.asarray(log_outcomes(inputs, drawn))

    return log_loss
