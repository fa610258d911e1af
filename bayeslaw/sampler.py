"""NUTS learns a frame, HMC draws in it: chains in lockstep, data as arguments."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float
from numpyro.infer import hmc as numpyro_hmc
from numpyro.infer.util import ParamInfo, potential_energy
from threadpoolctl import threadpool_limits

from bayeslaw.model import program
from bayeslaw.observations import Observations
from bayeslaw.positions import (
    QUICK_COMPILE,
    Energy,
    Frame,
    first_frame,
    next_frame,
    unravel,
    values_at,
)
from bayeslaw.spec import ModelSpec

Report = Callable[[str, int, int, int], None]
# Longest stretch of iterations between two reports of progress.
MAX_CHUNK = 50
# Paths of draws are between this share of the mean path of NUTS and all of it: paths of
# one length may return to where they began.
SHORTEST = 0.25


@dataclass(frozen=True)
class SamplerSettings:
    """Settings of the sampler, kept with the posterior.

    Args:
      chains: number of chains, run in lockstep by vmap.
      warmup: adaptation iterations of each chain, discarded.
      draws: kept iterations of each chain.
      target_accept: target acceptance probability of the step-size adaptation.
      max_tree_depth: at most 2^depth - 1 leapfrog steps an iteration of warm-up.
    """

    chains: int = 4
    warmup: int = 300
    draws: int = 1000
    target_accept: float = 0.95
    max_tree_depth: int = 10

    @property
    def stage(self) -> int:
        """Iterations of each of the two stages of warm-up."""
        return self.warmup // 2


class Draws(NamedTuple):
    """Draws of all chains.

    Args:
      values: sites and deterministic quantities, each (chain, draw, ...).
      statistics: diverging, energy, acceptance_rate, n_steps, each (chain, draw).
      step_size: step size of each chain; the same for all.
      at_tree_limit: share of each chain's last iterations of warm-up that ended at the
        largest tree.
    """

    values: dict[str, Array]
    statistics: dict[str, Array]
    step_size: Float[Array, " chain"]
    at_tree_limit: Float[Array, " chain"]


class _Kernel(NamedTuple):
    first_frame: Callable[..., Any]
    start: Callable[..., Any]
    explore: Callable[..., Any]
    next_frame: Callable[..., Any]
    settle: Callable[..., Any]
    draw: Callable[..., Any]
    constrain: Callable[..., Any]


def sample(
    spec: ModelSpec,
    data: Observations,
    key: Array,
    settings: SamplerSettings,
    report: Report | None = None,
) -> Draws:
    """Draw from the posterior of a spec.

    The chains begin near modes, in the frame of a Normal approximation there. Warm-up
    by NUTS has two stages: from the second half of the first, all chains together learn
    what the data fix and how positions vary together; in the second, which moves in
    that frame, they learn how far to go. The draws are made by HMC with paths of random
    length, up to the mean one of NUTS (as Wu, Stoehr and Robert 2018, arXiv
    1810.04449, do): in one frame and with one length for all, no chain waits for
    another, and none turns around within a path.

    Args:
      spec: model spec.
      data: observations; the compiled program is reused for equal shapes. With one
        more axis in front of every array: as many data sets, fitted side by side.
      key: random key, one for each data set.
      settings: settings of the sampler.
      report: called with (phase, iterations done, of how many, divergences so far).

    Returns:
      draws of every site, chains first (after data sets).
    """
    kernel = _kernel(spec.model_dump_json(), settings, data.log_value.ndim == 3)
    keys = _split(key, 4)
    progress = _Progress(report, 2 * settings.stage + settings.draws)

    def explore(state: Any, frame: Frame) -> tuple[Any, Any]:
        def advance(state: Any, _: int) -> tuple[Any, Any]:
            return kernel.explore(state, data, frame)

        return _advance(advance, state, settings.stage, progress, "warm-up")

    # Matrices are small: several threads would only wait for each other.
    with threadpool_limits(1, user_api="blas"):
        frame, starts = kernel.first_frame(keys[0], data)
        state = kernel.start(keys[1], starts, data, frame)
        state, (positions, _) = explore(state, frame)
        frame, starts = kernel.next_frame(positions, data, frame)
        state = kernel.start(keys[2], starts, data, frame)
        state, (_, statistics) = explore(state, frame)
        settled = kernel.settle(keys[3], state, statistics["n_steps"], data, frame)

        def draw(state: Any, chunk: int) -> tuple[Any, Any]:
            return kernel.draw(state, settled.paths[..., chunk, :], data, frame)

        _, kept = _advance(draw, settled.state, settings.draws, progress, "sampling")
        values = kernel.constrain(kept[0], data, frame)
    return Draws(values, kept[1], settled.step_size, settled.at_tree_limit)


def _split(key: Array, count: int) -> Array:
    """So many keys of one, or of each of several, the new axis first."""
    if not key.ndim:
        return jax.random.split(key, count)
    return jnp.stack([jax.random.split(one, count) for one in key], axis=1)


class _Progress:
    """Counts iterations and divergences for whoever watches."""

    def __init__(self, report: Report | None, total: int):
        self.report, self.total, self.done, self.diverged = report, total, 0, 0

    def add(self, phase: str, n_iterations: int, diverging: Array) -> None:
        self.done += n_iterations
        if phase == "sampling":
            self.diverged += int(diverging.sum())
        if self.report:
            self.report(phase, self.done, self.total, self.diverged)


def _advance(
    advance: Callable[[Any, int], tuple[Any, Any]],
    state: Any,
    n_iterations: int,
    progress: _Progress,
    phase: str,
) -> tuple[Any, Any]:
    """Run a stage; positions and statistics of its iterations, chains first."""
    n_chunks, chunk = _chunks(n_iterations)
    kept = []
    for i in range(n_chunks):
        state, collected = advance(state, i)
        kept.append(collected)
        n_new = min(chunk, n_iterations - i * chunk)
        progress.add(phase, n_new, collected[1]["diverging"])
    # A chunk has axes (set,) iteration, chain.
    axis = kept[0][1]["diverging"].ndim - 2

    def joined(*parts: Array) -> Array:
        whole = jnp.concatenate(parts, axis)
        whole = jax.lax.slice_in_dim(whole, 0, n_iterations, axis=axis)
        return jnp.swapaxes(whole, axis, axis + 1)

    return state, jax.tree.map(joined, *kept)


def _chunks(n_iterations: int) -> tuple[int, int]:
    """How many equal stretches of how many iterations; together at least so many."""
    n_chunks = -(-n_iterations // MAX_CHUNK)
    return n_chunks, -(-n_iterations // n_chunks)


class _Settled(NamedTuple):
    """What the draws go by.

    Args:
      state: of every chain.
      paths: length of every iteration's path, one for all chains, (chunk, iteration).
      step_size: see `Draws`.
      at_tree_limit: see `Draws`.
    """

    state: Any
    paths: Float[Array, "chunk iteration"]
    step_size: Float[Array, " chain"]
    at_tree_limit: Float[Array, " chain"]


@lru_cache(maxsize=16)
def _kernel(spec_json: str, settings: SamplerSettings, is_batched: bool) -> _Kernel:
    """Compiled pieces of one sampler; data and frame are arguments of each."""
    spec = ModelSpec.model_validate_json(spec_json)
    energy = _energy(spec)

    def at(data: Observations, frame: Frame) -> Callable[[Array], Array]:
        return lambda x: energy(x, data, frame)

    nuts_init, nuts_step = numpyro_hmc.hmc(potential_fn_gen=at, algo="NUTS")
    hmc_init, hmc_step = numpyro_hmc.hmc(potential_fn_gen=at, algo="HMC")

    def start(key: Array, starts: Array, data: Observations, frame: Frame) -> Any:
        def one(key: Array, position: Array) -> Any:
            return nuts_init(
                position,
                settings.stage,
                step_size=0.1,
                adapt_mass_matrix=False,
                target_accept_prob=settings.target_accept,
                max_tree_depth=settings.max_tree_depth,
                model_args=(data, frame),
                rng_key=key,
            )

        return jax.vmap(one)(jax.random.split(key, settings.chains), starts)

    def explore(states: Any, data: Observations, frame: Frame) -> Any:
        def one(states: Any, _: None) -> Any:
            states = jax.vmap(lambda state: nuts_step(state, (data, frame)))(states)
            return states, _collected(states)

        return jax.lax.scan(one, states, length=_chunks(settings.stage)[1])

    def settle(
        key: Array, states: Any, n_steps: Array, data: Observations, frame: Frame
    ) -> _Settled:
        keys = jax.random.split(key, settings.chains + 1)
        # Of these the step size has settled.
        n_steps = n_steps[:, n_steps.shape[1] // 2 :]
        step_sizes = states.adapt_state.step_size
        longest = (n_steps.mean(1) * step_sizes).mean()
        shares = jax.random.uniform(keys[0], _chunks(settings.draws), minval=SHORTEST)

        def one(key: Array, state: Any) -> Any:
            return hmc_init(
                ParamInfo(state.z, state.potential_energy, state.z_grad),
                0,
                step_size=jnp.exp(jnp.log(step_sizes).mean()),
                adapt_step_size=False,
                adapt_mass_matrix=False,
                trajectory_length=longest,
                model_args=(data, frame),
                rng_key=key,
            )

        states = jax.vmap(one)(keys[1:], states)
        at_limit = n_steps >= 2**settings.max_tree_depth - 1
        used = states.adapt_state.step_size
        return _Settled(states, longest * shares, used, at_limit.mean(1))

    def draw(states: Any, paths: Array, data: Observations, frame: Frame) -> Any:
        def one(states: Any, path: Array) -> Any:
            states = states._replace(trajectory_length=jnp.full(settings.chains, path))
            states = jax.vmap(lambda state: hmc_step(state, (data, frame)))(states)
            return states, _collected(states)

        return jax.lax.scan(one, states, paths)

    def over_sets(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
        return jax.jit(jax.vmap(function) if is_batched else function, **options)

    quick: dict[str, Any] = {"compiler_options": QUICK_COMPILE}
    return _Kernel(
        over_sets(partial(first_frame, spec, energy, settings.chains), **quick),
        over_sets(start, **quick),
        over_sets(explore),
        over_sets(partial(_learnt_frame, spec), **quick),
        over_sets(settle, **quick),
        over_sets(draw),
        over_sets(partial(_constrained, spec), **quick),
    )


def _collected(states: Any) -> tuple[Array, dict[str, Array]]:
    """Positions and statistics of one iteration."""
    return states.z, {
        "diverging": states.diverging,
        "energy": states.energy,
        "acceptance_rate": states.accept_prob,
        "n_steps": states.num_steps,
    }


def _learnt_frame(
    spec: ModelSpec, xs: Array, data: Observations, frame: Frame
) -> tuple[Frame, Array]:
    """Frame from the second half of a stage, and where each chain stopped."""
    return next_frame(spec, xs[:, xs.shape[1] // 2 :], data, frame)


def _constrained(
    spec: ModelSpec, xs: Array, data: Observations, frame: Frame
) -> dict[str, Array]:
    return jax.vmap(jax.vmap(partial(values_at, spec, data, frame)))(xs)


def _energy(spec: ModelSpec) -> Energy:
    """Minus the log density of a point; traced once for all that use it."""

    def energy(x: Array, data: Observations, frame: Frame) -> Array:
        sites = unravel(spec, data)(frame.position(x))
        return potential_energy(program, (spec, data, frame.centring), {}, sites)

    return jax.jit(energy, inline=True)
