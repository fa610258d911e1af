"""Where chains move: a vector of all sites, preconditioned by what warm-up learns."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float
from numpyro.infer.util import constrain_fn, unconstrain_fn

from bayeslaw.inference.centring import measured_centring, sites_under
from bayeslaw.inference.compiled import keep_trees
from bayeslaw.inference.laplace import laplace
from bayeslaw.inference.prior_draws import sites_of_prior
from bayeslaw.model import Centring, ModelSpec, PaddedArrays, initial_centring, program

# The search for a mode starts at the mean of this many prior draws: spread out, yet not
# in the tails.
DRAWS_PER_START = 8
# Draws of each chain's Normal approximation, to measure the first preconditioner by.
LAPLACE_DRAWS = 500
# So many nats below the best mode another one has no mass to speak of.
NEGLIGIBLE = 30.0
# Draws of an approximation that does not hold are brought so near to its centre.
NEAR = 0.1
RUN_EFFECT = "run_effect_sampled"


class Preconditioner(NamedTuple):
    """Where the chains move: a centred program, its position centre + matrix @ x.

    Run effects come last and are moved as they are: given everything else they are
    independent, and about standard normal.

    Attributes:
      centring: which quantities are moved.
      centre: origin of x among the positions, run effects left out.
      matrix: square root of the covariance of these positions.
    """

    centring: Centring
    centre: Float[Array, " site"]
    matrix: Float[Array, "site site"]

    def position(self, x: Float[Array, " x"]) -> Float[Array, " x"]:
        """Position of a point of the chains."""
        n_sites = len(self.centre)
        return jnp.concatenate([self.centre + self.matrix @ x[:n_sites], x[n_sites:]])

    def point(self, position: Float[Array, " x"]) -> Float[Array, " x"]:
        """The point of a position."""
        n_sites = len(self.centre)
        x = jax.scipy.linalg.solve(self.matrix, position[:n_sites] - self.centre)
        return jnp.concatenate([x, position[n_sites:]])


keep_trees(Preconditioner)

Energy = Callable[[Array, PaddedArrays, Preconditioner], Array]


def first_preconditioner(
    spec: ModelSpec, energy: Energy, n_chains: int, key: Array, data: PaddedArrays
) -> tuple[Preconditioner, Float[Array, "chain x"]]:
    """Preconditioner of a Normal approximation, and a point in it for every chain.

    Each chain looks for a mode from a start of its own, so that chains which end in
    different modes say so. A search that ends where the density is negligible begins at
    the best mode instead.

    Args:
      spec: model spec.
      energy: minus the log density of a point.
      n_chains: number of chains.
      key: random key.
      data: observations.
    """
    keys = jax.random.split(key)
    declared = initial_centring(spec, data)
    begin = starting_points(spec, data, declared, keys[0], n_chains)
    n_sites = begin.shape[1] - _n_runs(spec, data)
    plain = Preconditioner(declared, jnp.zeros(n_sites), jnp.eye(n_sites))

    def of_sites(sites: Array) -> Array:
        rest = jnp.zeros(begin.shape[1] - n_sites)
        return energy(jnp.concatenate([sites, rest]), data, plain)

    # One after the other: no search waits for the longest, and less is compiled.
    found = jax.lax.map(partial(laplace, of_sites), begin[:, :n_sites])
    reached = jnp.where(jnp.isfinite(found.energy), found.energy, jnp.inf)
    best = jnp.argmin(reached)
    preconditioner = Preconditioner(declared, found.mode[best], found.root[best])
    noise = jax.random.normal(keys[1], (n_chains, LAPLACE_DRAWS, begin.shape[1]))
    begins = jnp.where(reached < reached[best] + NEGLIGIBLE, jnp.arange(n_chains), best)
    sites = found.mode[begins]
    modes = begin.at[:, :n_sites].set(sites)
    centres = jax.vmap(preconditioner.point)(modes)[:, None]
    # Where the density is not at all Normal, draws land where it is next to nothing or
    # has no value: these stay near the mode. Normal ones lie d/2 nats above it.
    here = jax.vmap(jax.vmap(lambda x: energy(x, data, preconditioner)))(
        centres + noise
    )
    is_possible = here < reached[begins, None] + begin.shape[1]
    xs = centres + jnp.where(is_possible, 1.0, NEAR)[..., None] * noise
    return next_preconditioner(spec, xs, data, preconditioner)


def next_preconditioner(
    spec: ModelSpec, xs: Array, data: PaddedArrays, preconditioner: Preconditioner
) -> tuple[Preconditioner, Float[Array, "chain x"]]:
    """Preconditioner learnt from draws, and the last point of every chain in it.

    Args:
      spec: model spec.
      xs: points of the chains, (chain, iteration, x).
      data: observations.
      preconditioner: their preconditioner.
    """
    n_chains, n_draws, n_x = xs.shape
    values = jax.vmap(partial(values_at, spec, data, preconditioner))(
        xs.reshape(-1, n_x)
    )
    centring = measured_centring(spec, values, preconditioner.centring)

    def position(values: dict[str, Array]) -> Array:
        sites = sites_under(spec, values, centring)
        return _position(spec, data, centring, sites)

    positions = jax.vmap(position)(values)
    sites = positions[:, : len(preconditioner.centre)]
    centre, spread = sites.mean(0), sites.std(0)
    scaled = (sites - centre[None]) / spread[None]
    correlation = _shrunk(scaled.T @ scaled / len(scaled), len(scaled))
    found = Preconditioner(
        centring, centre, spread[:, None] * jnp.linalg.cholesky(correlation)
    )
    last = positions.reshape(n_chains, n_draws, n_x)[:, -1]
    return found, jax.vmap(found.point)(last)


def _shrunk(correlation: Array, n_draws: int) -> Array:
    """Correlations drawn towards 0, the more the fewer draws there are per site."""
    n_sites = correlation.shape[0]
    # Draws of a short stage are correlated: about one in four counts.
    weight = n_draws / (n_draws + 4.0 * n_sites)
    return weight * correlation + (1 - weight) * jnp.eye(n_sites)


def values_at(
    spec: ModelSpec, data: PaddedArrays, preconditioner: Preconditioner, x: Array
) -> dict[str, Array]:
    """Sites and deterministic quantities at one point."""
    sites = unravel(spec, data)(preconditioner.position(x))
    return constrain_fn(
        program,
        (spec, data, preconditioner.centring),
        {},
        sites,
        return_deterministic=True,
    )


def _position(
    spec: ModelSpec, data: PaddedArrays, centring: Centring, values: dict[str, Array]
) -> Array:
    """Unconstrained position of one draw of the sites, run effects last."""
    sites = {name: values[name] for name in site_shapes(spec, data)}
    free = unconstrain_fn(program, (spec, data, centring), {}, sites)
    effects = free.pop(RUN_EFFECT, jnp.zeros(0))
    return jnp.concatenate([ravel_pytree(free)[0], effects])


def _n_runs(spec: ModelSpec, data: PaddedArrays) -> int:
    return len(data.run_exists) if spec.noise.run_effect else 0


def site_shapes(spec: ModelSpec, data: PaddedArrays) -> dict[str, Any]:
    """Shape and type of every site."""
    return jax.eval_shape(partial(sites_of_prior, spec), jax.random.key(0), data)


def unravel(
    spec: ModelSpec, data: PaddedArrays
) -> Callable[[Float[Array, " x"]], dict[str, Array]]:
    """From one vector to the sites. The chains move a vector.

    NUTS copies and selects a dozen states in every step. With two dozen sites each
    these copies were most of the program: one vector takes 40 % off tracing and
    compiling it, and 16 % off every step.
    """
    zeros = {
        name: jnp.zeros(shape.shape, shape.dtype)
        for name, shape in site_shapes(spec, data).items()
    }
    effects = zeros.pop(RUN_EFFECT, None)
    flat, of_sites = ravel_pytree(zeros)

    def sites(position: Array) -> dict[str, Array]:
        found = of_sites(position[: len(flat)])
        return found if effects is None else found | {RUN_EFFECT: position[len(flat) :]}

    return sites


def starting_points(
    spec: ModelSpec, data: PaddedArrays, centring: Centring, key: Array, n_chains: int
) -> Float[Array, "chain x"]:
    """One point a chain on the unconstrained scale, run effects left at 0."""

    def one(key: Array) -> Array:
        sites = sites_of_prior(spec, key, data)
        # Effects as the runs' residuals have them.
        if RUN_EFFECT in sites:
            sites[RUN_EFFECT] = jnp.zeros_like(sites[RUN_EFFECT])
        return _position(spec, data, centring, sites)

    keys = jax.random.split(key, n_chains * DRAWS_PER_START)
    return jax.vmap(one)(keys).reshape(n_chains, DRAWS_PER_START, -1).mean(1)
