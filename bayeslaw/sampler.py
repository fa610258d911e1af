"""NUTS over padded observations: chains in lockstep, data as arguments, progress."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float
from numpyro import handlers
from numpyro.infer.hmc import hmc
from numpyro.infer.util import constrain_fn, potential_energy, unconstrain_fn

from bayeslaw.model import Observations, program
from bayeslaw.spec import ModelSpec

Report = Callable[[str, int, int, int], None]
# Longest stretch of iterations between two reports of progress.
MAX_CHUNK = 50
# A chain starts at the mean of this many prior draws: spread out, yet not in the tails
# where the first trajectories would be cut short.
DRAWS_PER_START = 8


@dataclass(frozen=True)
class SamplerSettings:
    """NUTS settings, kept with the posterior.

    Args:
      chains: number of chains, run in lockstep by vmap.
      warmup: adaptation iterations of each chain, discarded.
      draws: kept iterations of each chain.
      target_accept: target acceptance probability of the step-size adaptation.
      max_tree_depth: at most 2^depth - 1 leapfrog steps an iteration.
    """

    chains: int = 4
    warmup: int = 500
    draws: int = 1000
    target_accept: float = 0.9
    max_tree_depth: int = 10


class Draws(NamedTuple):
    """Draws of all chains.

    Args:
      values: sites and deterministic quantities, each (chain, draw, ...).
      statistics: diverging, energy, acceptance_rate, n_steps, each (chain, draw).
      step_size: adapted step size of each chain.
    """

    values: dict[str, Array]
    statistics: dict[str, Array]
    step_size: Float[Array, " chain"]


class _Kernel(NamedTuple):
    start: Callable[..., Any]
    advance: Callable[..., Any]
    constrain: Callable[..., Any]


def sample(
    spec: ModelSpec,
    data: Observations,
    key: Array,
    settings: SamplerSettings,
    report: Report | None = None,
) -> Draws:
    """Draw from the posterior of a spec.

    Args:
      spec: model spec.
      data: observations; the compiled program is reused for equal shapes.
      key: random key.
      settings: NUTS settings.
      report: called with (phase, iterations done, of how many, divergences so far).

    Returns:
      draws of every site, chains first.
    """
    kernel = _kernel(spec.model_dump_json(), settings)
    state = kernel.start(key, data)
    kept = []
    diverged = 0
    chunk, total = _chunk(settings), settings.warmup + settings.draws
    for done in range(chunk, total + 1, chunk):
        state, collected = kernel.advance(state, data)
        warm = done <= settings.warmup
        if not warm:
            kept.append(collected)
            diverged += int(collected[1]["diverging"].sum())
        if report:
            report("warm-up" if warm else "sampling", done, total, diverged)
    sites, statistics = jax.tree.map(
        lambda *parts: jnp.moveaxis(jnp.concatenate(parts), 0, 1), *kept
    )
    values = kernel.constrain(sites, data)
    return Draws(values, statistics, state.adapt_state.step_size)


def _chunk(settings: SamplerSettings) -> int:
    common = math.gcd(settings.warmup, settings.draws)
    return max(size for size in range(1, MAX_CHUNK + 1) if common % size == 0)


@lru_cache(maxsize=16)
def _kernel(spec_json: str, settings: SamplerSettings) -> _Kernel:
    """Compiled pieces of one sampler; the data are arguments of each."""
    spec = ModelSpec.model_validate_json(spec_json)
    init, step = hmc(potential_fn_gen=_potential(spec), algo="NUTS")

    @jax.jit
    def start(key: Array, data: Observations) -> Any:
        def one(chain_key: Array) -> Any:
            place_key, chain_key = jax.random.split(chain_key)
            return init(
                _starting_point(spec, data, place_key),
                settings.warmup,
                step_size=0.1,
                target_accept_prob=settings.target_accept,
                max_tree_depth=settings.max_tree_depth,
                model_args=(data,),
                rng_key=chain_key,
            )

        return jax.vmap(one)(jax.random.split(key, settings.chains))

    @jax.jit
    def advance(states: Any, data: Observations) -> Any:
        def one(states: Any, _: None) -> Any:
            states = jax.vmap(lambda state: step(state, (data,)))(states)
            return states, (
                states.z,
                {
                    "diverging": states.diverging,
                    "energy": states.energy,
                    "acceptance_rate": states.accept_prob,
                    "n_steps": states.num_steps,
                },
            )

        return jax.lax.scan(one, states, length=_chunk(settings))

    @jax.jit
    def constrain(sites: dict[str, Array], data: Observations) -> dict[str, Array]:
        return constrain_fn(
            program, (spec, data), {}, sites, return_deterministic=True, batch_ndims=2
        )

    return _Kernel(start, advance, constrain)


def _potential(spec: ModelSpec) -> Callable[..., Any]:
    def of_data(data: Observations) -> Callable[[dict[str, Array]], Array]:
        return lambda sites: potential_energy(program, (spec, data), {}, sites)

    return of_data


def _starting_point(spec: ModelSpec, data: Observations, key: Array) -> Any:
    draws = _prior_sites(spec, data, key, DRAWS_PER_START, deterministic=False)
    unconstrained = jax.vmap(
        lambda sites: unconstrain_fn(program, (spec, data), {}, sites)
    )(draws)
    return {name: values.mean(0) for name, values in unconstrained.items()}


def prior_draws(
    spec: ModelSpec, data: Observations, key: Array, n_draws: int
) -> dict[str, Array]:
    """Prior draws of every unobserved site and coordinate, each (draw, ...)."""
    return _prior_program(spec.model_dump_json(), n_draws)(key, data)


@lru_cache(maxsize=16)
def _prior_program(spec_json: str, n_draws: int) -> Callable[..., Any]:
    spec = ModelSpec.model_validate_json(spec_json)
    return jax.jit(
        lambda key, data: _prior_sites(spec, data, key, n_draws, deterministic=True)
    )


def _prior_sites(
    spec: ModelSpec,
    data: Observations,
    key: Array,
    n_draws: int,
    *,
    deterministic: bool,
) -> dict[str, Array]:
    def one(one_key: Array) -> dict[str, Array]:
        trace = handlers.trace(handlers.seed(program, one_key)).get_trace(spec, data)
        return {
            name: site["value"]
            for name, site in trace.items()
            if (site["type"] == "deterministic" and deterministic)
            or (site["type"] == "sample" and not site["is_observed"])
        }

    return jax.vmap(one)(jax.random.split(key, n_draws))
