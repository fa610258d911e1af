"""Draws of every unobserved quantity from the prior."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import jax
from jaxtyping import Array
from numpyro import handlers

from bayeslaw.inference.compiled import QUICK_COMPILE, Program, keep_trees
from bayeslaw.model import ModelSpec, Observations, initial_centring, program


class PriorDraws(NamedTuple):
    """Draws from the prior, each (draw, ...).

    Attributes:
      sites: what NUTS samples.
      deterministic: coordinates that follow from the sites.
    """

    sites: dict[str, Array]
    deterministic: dict[str, Array]


keep_trees(PriorDraws)


def draw_prior(
    spec: ModelSpec, data: Observations, key: Array, n_draws: int
) -> PriorDraws:
    """Draw every unobserved site and coordinate from the prior."""
    keys = jax.random.split(key, n_draws)
    return _prior_program(spec.model_dump_json())(keys, data)


@lru_cache(maxsize=16)
def _prior_program(spec_json: str) -> Callable[..., PriorDraws]:
    spec = ModelSpec.model_validate_json(spec_json)

    def one(key: Array, data: Observations) -> PriorDraws:
        trace = _trace(spec, key, data)
        others = {
            name: site["value"]
            for name, site in trace.items()
            if site["type"] == "deterministic"
        }
        return PriorDraws(_latent(trace), others)

    draw = jax.vmap(one, in_axes=(0, None))
    return Program(draw, f"prior_draws {spec_json}", QUICK_COMPILE)


def _trace(spec: ModelSpec, key: Array, data: Observations) -> dict[str, Any]:
    seeded = handlers.seed(program, key)
    return handlers.trace(seeded).get_trace(spec, data, initial_centring(spec, data))


def sites_of_prior(spec: ModelSpec, key: Array, data: Observations) -> dict[str, Array]:
    """One draw of every unobserved site from the prior."""
    return _latent(_trace(spec, key, data))


def _latent(trace: dict[str, Any]) -> dict[str, Array]:
    return {
        name: site["value"]
        for name, site in trace.items()
        if site["type"] == "sample" and not site["is_observed"]
    }
