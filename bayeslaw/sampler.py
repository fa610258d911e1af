"""NUTS over padded observations: chains in lockstep, data as arguments, progress."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
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
# For programs that run once: random numbers of twenty sites compile in a fifth of the
# time, and run as fast as can be noticed.
QUICK_COMPILE = {"xla_backend_optimization_level": 0}


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
    start_key, chain_key = jax.random.split(key)
    starts = _starting_points(spec, data, start_key, settings.chains)
    state = kernel.start(jax.random.split(chain_key, settings.chains), starts, data)
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
    positions, statistics = jax.tree.map(
        lambda *parts: jnp.moveaxis(jnp.concatenate(parts), 0, 1), *kept
    )
    values = kernel.constrain(positions, data)
    return Draws(values, statistics, state.adapt_state.step_size)


def _chunk(settings: SamplerSettings) -> int:
    common = math.gcd(settings.warmup, settings.draws)
    return max(size for size in range(1, MAX_CHUNK + 1) if common % size == 0)


@lru_cache(maxsize=16)
def _kernel(spec_json: str, settings: SamplerSettings) -> _Kernel:
    """Compiled pieces of one sampler; the data are arguments of each."""
    spec = ModelSpec.model_validate_json(spec_json)
    init, step = hmc(potential_fn_gen=_potential(spec), algo="NUTS")

    @partial(jax.jit, compiler_options=QUICK_COMPILE)
    def start(keys: Array, starts: Any, data: Observations) -> Any:
        def one(key: Array, sites: Any) -> Any:
            return init(
                sites,
                settings.warmup,
                step_size=0.1,
                target_accept_prob=settings.target_accept,
                max_tree_depth=settings.max_tree_depth,
                model_args=(data,),
                rng_key=key,
            )

        return jax.vmap(one)(keys, starts)

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

    @partial(jax.jit, compiler_options=QUICK_COMPILE)
    def constrain(positions: Array, data: Observations) -> dict[str, Array]:
        sites = jax.vmap(jax.vmap(_unravel(spec, data)))(positions)
        return constrain_fn(
            program, (spec, data), {}, sites, return_deterministic=True, batch_ndims=2
        )

    return _Kernel(start, advance, constrain)


def _unravel(
    spec: ModelSpec, data: Observations
) -> Callable[[Float[Array, " site"]], dict[str, Array]]:
    """From one vector to the sites. NUTS moves a vector.

    NUTS copies and selects a dozen states in every step. With two dozen sites each
    these copies were most of the program: one vector takes 40 % off tracing and
    compiling it, and 16 % off every step.
    """
    shapes = jax.eval_shape(partial(_sites, spec), jax.random.key(0), data)
    zeros = jax.tree.map(lambda shape: jnp.zeros(shape.shape, shape.dtype), shapes)
    return ravel_pytree(zeros)[1]


def _potential(spec: ModelSpec) -> Callable[..., Any]:
    def of_data(data: Observations) -> Callable[[Array], Array]:
        unravel = _unravel(spec, data)
        return lambda position: potential_energy(
            program, (spec, data), {}, unravel(position)
        )

    return of_data


def _starting_points(
    spec: ModelSpec, data: Observations, key: Array, n_chains: int
) -> Float[Array, "chain site"]:
    """One point a chain on the unconstrained scale."""
    draws = prior_draws(spec, data, key, n_chains * DRAWS_PER_START)

    @partial(jax.jit, compiler_options=QUICK_COMPILE)
    def positions(sites: dict[str, Array], data: Observations) -> Array:
        return jax.vmap(
            lambda one: ravel_pytree(unconstrain_fn(program, (spec, data), {}, one))[0]
        )(sites)

    found = positions(draws.sites, data)
    return found.reshape(n_chains, DRAWS_PER_START, -1).mean(1)


class PriorDraws(NamedTuple):
    """Draws from the prior, each (draw, ...).

    Args:
      sites: what NUTS samples.
      deterministic: coordinates that follow from the sites.
    """

    sites: dict[str, Array]
    deterministic: dict[str, Array]


def prior_draws(
    spec: ModelSpec, data: Observations, key: Array, n_draws: int
) -> PriorDraws:
    """Draw every unobserved site and coordinate from the prior."""
    keys = jax.random.split(key, n_draws)
    return _prior_program(spec.model_dump_json())(keys, data)


@lru_cache(maxsize=16)
def _prior_program(spec_json: str) -> Callable[..., PriorDraws]:
    spec = ModelSpec.model_validate_json(spec_json)

    def one(key: Array, data: Observations) -> PriorDraws:
        trace = handlers.trace(handlers.seed(program, key)).get_trace(spec, data)
        others = {
            name: site["value"]
            for name, site in trace.items()
            if site["type"] == "deterministic"
        }
        return PriorDraws(_latent(trace), others)

    return jax.jit(jax.vmap(one, in_axes=(0, None)), compiler_options=QUICK_COMPILE)


def _sites(spec: ModelSpec, key: Array, data: Observations) -> dict[str, Array]:
    return _latent(handlers.trace(handlers.seed(program, key)).get_trace(spec, data))


def _latent(trace: dict[str, Any]) -> dict[str, Array]:
    return {
        name: site["value"]
        for name, site in trace.items()
        if site["type"] == "sample" and not site["is_observed"]
    }
