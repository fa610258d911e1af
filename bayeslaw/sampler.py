"""NUTS over padded observations: chains in lockstep, data as arguments, progress."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float
from numpyro.infer import hmc as numpyro_hmc
from numpyro.infer.util import potential_energy

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


@dataclass(frozen=True)
class SamplerSettings:
    """NUTS settings, kept with the posterior.

    Args:
      chains: number of chains, run in lockstep by vmap.
      warmup: adaptation iterations of each chain, discarded; even.
      draws: kept iterations of each chain.
      target_accept: target acceptance probability of the step-size adaptation.
      max_tree_depth: at most 2^depth - 1 leapfrog steps an iteration.
    """

    chains: int = 4
    warmup: int = 300
    draws: int = 1000
    target_accept: float = 0.9
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
      step_size: adapted step size of each chain.
    """

    values: dict[str, Array]
    statistics: dict[str, Array]
    step_size: Float[Array, " chain"]


class _Kernel(NamedTuple):
    first_frame: Callable[..., Any]
    start: Callable[..., Any]
    advance: Callable[..., Any]
    next_frame: Callable[..., Any]
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
    has two stages: from the second half of the first, all chains together learn what
    the data fix and how positions vary together; the second and the draws move in that
    frame.

    Args:
      spec: model spec.
      data: observations; the compiled program is reused for equal shapes. With one
        more axis in front of every array: as many data sets, fitted side by side.
      key: random key, one for each data set.
      settings: NUTS settings.
      report: called with (phase, iterations done, of how many, divergences so far).

    Returns:
      draws of every site, chains first (after data sets).
    """
    is_batched = data.log_value.ndim == 3
    kernel = _kernel(spec.model_dump_json(), settings, is_batched)
    keys = _split(key, 3)
    progress = _Progress(report, 2 * settings.stage + settings.draws)
    frame, starts = kernel.first_frame(keys[0], data)
    state = kernel.start(keys[1], starts, data, frame)
    state, (positions, _) = _advance(kernel, state, data, frame, settings, progress, 0)
    frame, starts = kernel.next_frame(positions, data, frame)
    state = kernel.start(keys[2], starts, data, frame)
    state, _ = _advance(kernel, state, data, frame, settings, progress, 1)
    state, kept = _advance(kernel, state, data, frame, settings, progress, 2)
    values = kernel.constrain(kept[0], data, frame)
    return Draws(values, kept[1], state.adapt_state.step_size)


def _split(key: Array, count: int) -> Array:
    """So many keys of one, or of each of several, the new axis first."""
    if not key.ndim:
        return jax.random.split(key, count)
    return jnp.stack([jax.random.split(one, count) for one in key], axis=1)


class _Progress:
    """Counts iterations and divergences for whoever watches."""

    def __init__(self, report: Report | None, total: int):
        self.report, self.total, self.done, self.diverged = report, total, 0, 0

    def add(self, n_iterations: int, diverging: Array, *, is_kept: bool) -> None:
        self.done += n_iterations
        if is_kept:
            self.diverged += int(diverging.sum())
        if self.report:
            phase = "sampling" if is_kept else "warm-up"
            self.report(phase, self.done, self.total, self.diverged)


def _advance(
    kernel: _Kernel,
    state: Any,
    data: Observations,
    frame: Frame,
    settings: SamplerSettings,
    progress: _Progress,
    stage: int,
) -> tuple[Any, Any]:
    """Run a stage; positions and statistics of its iterations, chains first."""
    is_kept = stage == 2
    kept = []
    chunk = _chunk(settings)
    for _ in range((settings.draws if is_kept else settings.stage) // chunk):
        state, collected = kernel.advance(state, data, frame)
        kept.append(collected)
        progress.add(chunk, collected[1]["diverging"], is_kept=is_kept)
    # A chunk has axes (set,) iteration, chain.
    axis = 1 if data.log_value.ndim == 3 else 0
    return state, jax.tree.map(
        lambda *parts: jnp.swapaxes(jnp.concatenate(parts, axis), axis, axis + 1), *kept
    )


def _chunk(settings: SamplerSettings) -> int:
    common = math.gcd(settings.stage, settings.draws)
    return max(size for size in range(1, MAX_CHUNK + 1) if common % size == 0)


@lru_cache(maxsize=16)
def _kernel(spec_json: str, settings: SamplerSettings, is_batched: bool) -> _Kernel:
    """Compiled pieces of one sampler; data and frame are arguments of each."""
    spec = ModelSpec.model_validate_json(spec_json)
    energy = _energy(spec)
    init, step = numpyro_hmc.hmc(
        potential_fn_gen=lambda data, frame: lambda x: energy(x, data, frame),
        algo="NUTS",
    )

    def start(key: Array, starts: Array, data: Observations, frame: Frame) -> Any:
        def one(key: Array, position: Array) -> Any:
            return init(
                position,
                settings.stage,
                step_size=0.1,
                target_accept_prob=settings.target_accept,
                max_tree_depth=settings.max_tree_depth,
                model_args=(data, frame),
                rng_key=key,
            )

        return jax.vmap(one)(jax.random.split(key, settings.chains), starts)

    def advance(states: Any, data: Observations, frame: Frame) -> Any:
        def one(states: Any, _: None) -> Any:
            states = jax.vmap(lambda state: step(state, (data, frame)))(states)
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

    def over_sets(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
        return jax.jit(jax.vmap(function) if is_batched else function, **options)

    quick: dict[str, Any] = {"compiler_options": QUICK_COMPILE}
    return _Kernel(
        over_sets(partial(first_frame, spec, energy, settings.chains), **quick),
        over_sets(start, **quick),
        over_sets(advance),
        over_sets(partial(_learnt_frame, spec), **quick),
        over_sets(partial(_constrained, spec), **quick),
    )


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
