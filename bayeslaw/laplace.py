"""Mode of a density and its curvature there: where chains start."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

MAX_STEPS = 200
# Enough is when a full Newton step would gain less than this many nats.
GAIN = 0.01
# A step that has to be damped more leads nowhere.
MAX_DAMPING = 1e12
# Smallest curvature believed. Where the density is flat or curves upwards the prior, of
# sd about one in every coordinate of the chains, is a better guess than the curvature.
MIN_CURVATURE = 0.5
# Rows of a Hessian found at once; more of them fill memory.
ROWS_AT_ONCE = 32


class Laplace(NamedTuple):
    """Normal approximation of a density.

    Args:
      mode: its centre.
      root: square root of its covariance.
    """

    mode: Float[Array, " site"]
    root: Float[Array, "site site"]


class _Search(NamedTuple):
    at: Float[Array, " site"]
    root: Float[Array, "site site"]
    damping: Float[Array, ""]
    gain: Float[Array, ""]
    step: Array


def laplace(energy: Callable[[Array], Array], start: Float[Array, " site"]) -> Laplace:
    """Normal approximation at a mode.

    Damped Newton steps along the eigenvectors of the Hessian, with the absolute values
    of its eigenvalues, so that saddles repel (Dauphin et al. 2014, arXiv 1406.2572).

    Args:
      energy: minus the log density.
      start: where the search begins; the density must be positive there.
    """

    def advance(now: _Search) -> _Search:
        value, gradient = jax.value_and_grad(energy)(now.at)
        curvature, vectors = jnp.linalg.eigh(hessian(energy, now.at))
        curvature = jnp.maximum(jnp.abs(curvature), MIN_CURVATURE)
        along = vectors.T @ gradient

        def damped(damping: Array) -> Array:
            return now.at - vectors @ (along / (curvature + damping))

        damping = jax.lax.while_loop(
            lambda d: ~(energy(damped(d)) < value) & (d < MAX_DAMPING),
            lambda d: 4 * d,
            now.damping / 8,
        )
        at = jnp.where(damping < MAX_DAMPING, damped(damping), now.at)
        gain = (along**2 / curvature).sum() / 2
        return _Search(at, vectors / jnp.sqrt(curvature), damping, gain, now.step + 1)

    d = len(start)
    far = jnp.array(jnp.inf)
    found = jax.lax.while_loop(
        lambda now: (now.gain > GAIN) & (now.step < MAX_STEPS),
        advance,
        _Search(start, jnp.eye(d), jnp.ones(()), far, jnp.zeros((), int)),
    )
    return Laplace(found.at, found.root)


def hessian(
    function: Callable[[Array], Array], at: Float[Array, " site"]
) -> Float[Array, "site site"]:
    """Second derivatives, a few rows at a time."""
    _, product = jax.linearize(jax.grad(function), at)
    return jax.lax.map(product, jnp.eye(len(at)), batch_size=ROWS_AT_ONCE)
