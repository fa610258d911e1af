"""Where chains move: sites of the program, one vector, a frame learnt in warm-up."""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float
from numpyro import handlers
from numpyro.infer.util import constrain_fn, unconstrain_fn

from bayeslaw.centring import measured_centring, sites_under
from bayeslaw.hierarchy import Centring, initial_centring
from bayeslaw.model import program
from bayeslaw.observations import Observations
from bayeslaw.spec import ModelSpec

# A chain starts at the mean of this many prior draws: spread out, yet not in the tails
# where the first trajectories would be cut short.
DRAWS_PER_START = 8
RUN_EFFECT = "run_effect_sampled"
# For programs that run once: random numbers of twenty sites compile in a fifth of the
# time, and run as fast as can be noticed.
QUICK_COMPILE: dict[str, Any] = {"xla_backend_optimization_level": 0}


class Frame(NamedTuple):
    """Where the chains move: position = centre + matrix @ x, of a centred program.

    Args:
      centring: which quantities are moved.
      centre: origin of x among the positions.
      matrix: square root of the covariance of positions.
    """

    centring: Centring
    centre: Float[Array, " site"]
    matrix: Float[Array, "site site"]


def next_frame(
    spec: ModelSpec, xs: Array, data: Observations, frame: Frame
) -> tuple[Frame, Array]:
    """Frame learnt from a stage, and the last point of every chain in it.

    Args:
      spec: model spec.
      xs: points of the stage, (chain, iteration, site).
      data: observations.
      frame: their frame.
    """
    settled = xs[:, xs.shape[1] // 2 :]
    n_chains, n_draws, n_sites = settled.shape
    values = jax.vmap(partial(values_at, spec, data, frame))(
        settled.reshape(-1, n_sites)
    )
    centring = measured_centring(spec, values, frame.centring)

    def position(values: dict[str, Array]) -> Array:
        sites = sites_under(spec, values, centring)
        return _position(spec, data, centring, sites)

    positions = jax.vmap(position)(values)
    centre, spread = positions.mean(0), positions.std(0)
    scaled = (positions - centre[None]) / spread[None]
    correlation = _shrunk(scaled.T @ scaled / len(scaled), len(scaled))
    matrix = spread[:, None] * jnp.linalg.cholesky(correlation)
    last = positions.reshape(n_chains, n_draws, n_sites)[:, -1] - centre[None]
    starts = jax.scipy.linalg.solve_triangular(matrix, last.T, lower=True).T
    return Frame(centring, centre, matrix), starts


def _shrunk(correlation: Array, n_draws: int) -> Array:
    """Correlations drawn towards 0, the more the fewer draws there are per site."""
    n_sites = correlation.shape[0]
    # Draws of a short stage are correlated: about one in four counts.
    weight = n_draws / (n_draws + 4.0 * n_sites)
    return weight * correlation + (1 - weight) * jnp.eye(n_sites)


def values_at(
    spec: ModelSpec, data: Observations, frame: Frame, x: Array
) -> dict[str, Array]:
    """Sites and deterministic quantities at one point."""
    sites = unravel(spec, data)(frame.centre + frame.matrix @ x)
    return constrain_fn(
        program, (spec, data, frame.centring), {}, sites, return_deterministic=True
    )


def _position(
    spec: ModelSpec, data: Observations, centring: Centring, values: dict[str, Array]
) -> Array:
    """Unconstrained position of one draw of the sites."""
    names = site_shapes(spec, data)
    sites = {name: values[name] for name in names}
    return ravel_pytree(unconstrain_fn(program, (spec, data, centring), {}, sites))[0]


def site_shapes(spec: ModelSpec, data: Observations) -> dict[str, Any]:
    """Shape and type of every site."""
    return jax.eval_shape(partial(_sites, spec), jax.random.key(0), data)


def unravel(
    spec: ModelSpec, data: Observations
) -> Callable[[Float[Array, " site"]], dict[str, Array]]:
    """From one vector to the sites. NUTS moves a vector.

    NUTS copies and selects a dozen states in every step. With two dozen sites each
    these copies were most of the program: one vector takes 40 % off tracing and
    compiling it, and 16 % off every step.
    """
    zeros = jax.tree.map(
        lambda shape: jnp.zeros(shape.shape, shape.dtype), site_shapes(spec, data)
    )
    return ravel_pytree(zeros)[1]


def starting_points(
    spec: ModelSpec, data: Observations, centring: Centring, key: Array, n_chains: int
) -> Float[Array, "chain site"]:
    """One point a chain on the unconstrained scale."""

    def one(key: Array) -> Array:
        sites = _sites(spec, key, data)
        # Effects as the runs' residuals have them: those of a prior draw would stand
        # hundreds of standard deviations off, and take the first stage to come back.
        if RUN_EFFECT in sites:
            sites[RUN_EFFECT] = jnp.zeros_like(sites[RUN_EFFECT])
        return _position(spec, data, centring, sites)

    keys = jax.random.split(key, n_chains * DRAWS_PER_START)
    return jax.vmap(one)(keys).reshape(n_chains, DRAWS_PER_START, -1).mean(1)


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
        trace = _trace(spec, key, data)
        others = {
            name: site["value"]
            for name, site in trace.items()
            if site["type"] == "deterministic"
        }
        return PriorDraws(_latent(trace), others)

    return jax.jit(jax.vmap(one, in_axes=(0, None)), compiler_options=QUICK_COMPILE)


def _trace(spec: ModelSpec, key: Array, data: Observations) -> dict[str, Any]:
    seeded = handlers.seed(program, key)
    return handlers.trace(seeded).get_trace(spec, data, initial_centring(spec, data))


def _sites(spec: ModelSpec, key: Array, data: Observations) -> dict[str, Array]:
    return _latent(_trace(spec, key, data))


def _latent(trace: dict[str, Any]) -> dict[str, Array]:
    return {
        name: site["value"]
        for name, site in trace.items()
        if site["type"] == "sample" and not site["is_observed"]
    }
