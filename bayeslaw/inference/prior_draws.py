"""Draws of all unobserved quantities from the prior."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import jax
from jaxtyping import Array
from numpyro import handlers

from bayeslaw.inference.compiled import QUICK_COMPILE, Compiled, keep_trees
from bayeslaw.model import ModelSpec, PaddedArrays, initial_centring, program


class PriorDraws(NamedTuple):
    """Draws from the prior, each (draw, ...).

    Attributes:
      sites: quantities that NUTS samples.
      deterministic: coordinates that follow from the sites.
    """

    sites: dict[str, Array]
    deterministic: dict[str, Array]


keep_trees(PriorDraws)


def draw_prior(
    spec: ModelSpec, data: PaddedArrays, key: Array, n_draws: int
) -> PriorDraws:
    """Draw every unobserved site and coordinate from the prior."""
    keys = jax.random.split(key, n_draws)
    return _prior_program(spec)(keys, data)


@lru_cache(maxsize=16)
def _prior_program(spec: ModelSpec) -> Callable[..., PriorDraws]:
    def one(key: Array, data: PaddedArrays) -> PriorDraws:
        trace = _trace(spec, key, data)
        others = {
            name: site["value"]
            for name, site in trace.items()
            if site["type"] == "deterministic"
        }
        return PriorDraws(_latent(trace), others)

    draw = jax.vmap(one, in_axes=(0, None))
    return Compiled(draw, f"prior_draws {spec.sha256}", QUICK_COMPILE)


def _trace(spec: ModelSpec, key: Array, data: PaddedArrays) -> dict[str, Any]:
    seeded = handlers.seed(program, key)
    return handlers.trace(seeded).get_trace(spec, data, initial_centring(spec, data))


def sites_of_prior(spec: ModelSpec, key: Array, data: PaddedArrays) -> dict[str, Array]:
    """One draw of every unobserved site from the prior."""
    return _latent(_trace(spec, key, data))


def _latent(trace: dict[str, Any]) -> dict[str, Array]:
    return {
        name: site["value"]
        for name, site in trace.items()
        if site["type"] == "sample" and not site["is_observed"]
    }
