"""Compiled pieces of the sampler: NUTS for warm-up, HMC for draws, chains by vmap."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float
from numpyro.infer import hmc as numpyro_hmc
from numpyro.infer.hmc_util import HMCAdaptState
from numpyro.infer.util import ParamInfo, potential_energy

from bayeslaw.inference.compiled import QUICK_COMPILE, Compiled, keep_trees
from bayeslaw.inference.preconditioner import (
    Energy,
    Preconditioner,
    first_preconditioner,
    next_preconditioner,
    unravel,
    values_at,
)
from bayeslaw.model import ModelSpec, PaddedArrays, program

# Longest stretch of iterations between two reports of progress.
MAX_CHUNK = 50
# Paths of draws are between this share of the mean path of NUTS and all of it: paths of
# one length may return to where they began.
SHORTEST = 0.25


@dataclass(frozen=True)
class SamplerSettings:
    """Settings of the sampler, kept with the posterior.

    Attributes:
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


class Kernel(NamedTuple):
    """Compiled pieces, in order of use; data and preconditioner are arguments."""

    first_preconditioner: Callable[..., Any]
    start: Callable[..., Any]
    explore: Callable[..., Any]
    next_preconditioner: Callable[..., Any]
    settle: Callable[..., Any]
    draw: Callable[..., Any]
    constrain: Callable[..., Any]


class Settled(NamedTuple):
    """What the draws go by.

    Attributes:
      state: of every chain.
      paths: length of every iteration's path, one for all chains, (chunk, iteration).
      step_size: see `Draws`.
      at_tree_limit: see `Draws`.
    """

    state: Any
    paths: Float[Array, "chunk iteration"]
    step_size: Float[Array, " chain"]
    at_tree_limit: Float[Array, " chain"]


keep_trees(Settled)
keep_trees(numpyro_hmc.HMCState, HMCAdaptState)


def chunks(n_iterations: int) -> tuple[int, int]:
    """How many equal stretches of how many iterations; together at least so many."""
    n_chunks = -(-n_iterations // MAX_CHUNK)
    return n_chunks, -(-n_iterations // n_chunks)


@lru_cache(maxsize=16)
def kernel_of(spec: ModelSpec, settings: SamplerSettings, is_batched: bool) -> Kernel:
    """Compiled pieces of one sampler.

    Args:
      spec: model spec.
      settings: settings of the sampler.
      is_batched: whether data sets stand side by side in one more axis.
    """
    energy = _energy(spec)
    start, explore = _nuts(energy, settings)
    settle, draw = _hmc(energy, settings)

    pieces = Kernel(
        first_preconditioner=partial(
            first_preconditioner, spec, energy, settings.chains
        ),
        start=start,
        explore=explore,
        next_preconditioner=partial(_learnt_preconditioner, spec),
        settle=settle,
        draw=draw,
        constrain=partial(_constrained, spec),
    )

    def compiled(name: str, function: Callable[..., Any]) -> Compiled:
        options = None if name in ("explore", "draw") else QUICK_COMPILE
        over_sets = jax.vmap(function) if is_batched else function
        identity = f"{name} {spec.sha256} {settings} {is_batched}"
        return Compiled(over_sets, identity, options)

    return Kernel(**{k: compiled(k, v) for k, v in pieces._asdict().items()})


def _at(
    energy: Energy,
) -> Callable[[PaddedArrays, Preconditioner], Callable[[Array], Array]]:
    return lambda data, preconditioner: lambda x: energy(x, data, preconditioner)


def _nuts(
    energy: Energy, settings: SamplerSettings
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Start of a stage of warm-up, and a stretch of it."""
    init, step = numpyro_hmc.hmc(potential_fn_gen=_at(energy), algo="NUTS")

    def begin(
        key: Array, position: Any, data: PaddedArrays, preconditioner: Preconditioner
    ) -> Any:
        return init(
            position,
            settings.stage,
            step_size=0.1,
            adapt_mass_matrix=False,
            target_accept_prob=settings.target_accept,
            max_tree_depth=settings.max_tree_depth,
            model_args=(data, preconditioner),
            rng_key=key,
        )

    def start(
        key: Array, starts: Array, data: PaddedArrays, preconditioner: Preconditioner
    ) -> Any:
        keys = jax.random.split(key, settings.chains)
        return jax.vmap(begin, (0, 0, None, None))(keys, starts, data, preconditioner)

    def explore(states: Any, data: PaddedArrays, preconditioner: Preconditioner) -> Any:
        def move(state: Any) -> Any:
            # Numpyro's step goes by what its init has noted when it was traced, which
            # need not have been in this process.
            jax.eval_shape(begin, state.rng_key, _standing(state), data, preconditioner)
            return step(state, (data, preconditioner))

        def one(states: Any, _: None) -> Any:
            states = jax.vmap(move)(states)
            return states, _collected(states)

        return jax.lax.scan(one, states, length=chunks(settings.stage)[1])

    return start, explore


def _hmc_beginning(init: Callable[..., Any]) -> Callable[..., Any]:
    """From where a chain stands to the first state of HMC."""

    def begin(
        key: Array,
        state: Any,
        step_size: Array,
        data: PaddedArrays,
        preconditioner: Preconditioner,
    ) -> Any:
        return init(
            _standing(state),
            0,
            step_size=step_size,
            adapt_step_size=False,
            adapt_mass_matrix=False,
            model_args=(data, preconditioner),
            rng_key=key,
        )

    return begin


def _hmc(
    energy: Energy, settings: SamplerSettings
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """From the end of warm-up to the first draw, and a stretch of draws."""
    init, step = numpyro_hmc.hmc(potential_fn_gen=_at(energy), algo="HMC")
    begin = _hmc_beginning(init)

    def settle(
        key: Array,
        states: Any,
        n_steps: Array,
        data: PaddedArrays,
        preconditioner: Preconditioner,
    ) -> Settled:
        keys = jax.random.split(key, settings.chains + 1)
        # Of these the step size has settled.
        n_steps = n_steps[:, n_steps.shape[1] // 2 :]
        step_sizes = states.adapt_state.step_size
        longest = (n_steps.mean(1) * step_sizes).mean()
        shares = jax.random.uniform(keys[0], chunks(settings.draws), minval=SHORTEST)
        step_size = jnp.exp(jnp.log(step_sizes).mean())
        states = jax.vmap(
            lambda key, state: begin(key, state, step_size, data, preconditioner)
        )(keys[1:], states)
        at_limit = n_steps >= 2**settings.max_tree_depth - 1
        used = states.adapt_state.step_size
        return Settled(states, longest * shares, used, at_limit.mean(1))

    def draw(
        states: Any, paths: Array, data: PaddedArrays, preconditioner: Preconditioner
    ) -> Any:
        def move(state: Any, path: Array) -> Any:
            # As in `explore`.
            jax.eval_shape(begin, state.rng_key, state, path, data, preconditioner)
            return step(state._replace(trajectory_length=path), (data, preconditioner))

        def one(states: Any, path: Array) -> Any:
            states = jax.vmap(move, (0, None))(states, path)
            return states, _collected(states)

        return jax.lax.scan(one, states, paths)

    return settle, draw


def _standing(state: Any) -> ParamInfo:
    """Where a chain stands, for a sampler to go on from."""
    return ParamInfo(state.z, state.potential_energy, state.z_grad)


def _collected(states: Any) -> tuple[Array, dict[str, Array]]:
    """Positions and statistics of one iteration."""
    return states.z, {
        "diverging": states.diverging,
        "energy": states.energy,
        "acceptance_rate": states.accept_prob,
        "n_steps": states.num_steps,
    }


def _learnt_preconditioner(
    spec: ModelSpec, xs: Array, data: PaddedArrays, preconditioner: Preconditioner
) -> tuple[Preconditioner, Array]:
    """Preconditioner from the second half of a stage, and where each chain stopped."""
    return next_preconditioner(spec, xs[:, xs.shape[1] // 2 :], data, preconditioner)


def _constrained(
    spec: ModelSpec, xs: Array, data: PaddedArrays, preconditioner: Preconditioner
) -> dict[str, Array]:
    return jax.vmap(jax.vmap(partial(values_at, spec, data, preconditioner)))(xs)


def _energy(spec: ModelSpec) -> Energy:
    """Minus the log density of a point; traced once for all that use it."""

    def energy(x: Array, data: PaddedArrays, preconditioner: Preconditioner) -> Array:
        sites = unravel(spec, data)(preconditioner.position(x))
        return potential_energy(
            program, (spec, data, preconditioner.centring), {}, sites
        )

    return jax.jit(energy, inline=True)
