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
# Smallest curvature believed, where the density is flat or curves upwards: the widest
# prior is about thirty times the units in which chains first move.
MIN_CURVATURE = 1e-3
# Step of the differences, in the units in which chains first move.
STEP = 1e-5
# Gradients found at once; more of them fill memory.
POINTS_AT_ONCE = 64


class Laplace(NamedTuple):
    """Normal approximation of a density.

    Attributes:
      mode: its centre.
      root: square root of its covariance.
      energy: minus the log density there.
    """

    mode: Float[Array, " site"]
    root: Float[Array, "site site"]
    energy: Float[Array, ""]


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

    Returns:
      the approximation where the search ended: at a mode, or where no step led down;
      not finite where the energy is not.
    """
    d = len(start)
    # Differences of gradients: a Hessian by differentiation is right to more digits
    # than are needed here, and takes three times as long to compile. The last step is
    # none.
    n_points = -(-(d + 1) // POINTS_AT_ONCE) * POINTS_AT_ONCE
    steps = STEP * jnp.eye(n_points, d)

    def advance(now: _Search) -> _Search:
        values, gradients = jax.lax.map(
            jax.value_and_grad(energy), now.at[None] + steps, batch_size=POINTS_AT_ONCE
        )
        value, gradient = values[-1], gradients[-1]
        rows = (gradients[:d] - gradient[None]) / STEP
        signed, vectors = jnp.linalg.eigh(rows)
        curvature = jnp.maximum(jnp.abs(signed), MIN_CURVATURE)
        along = vectors.T @ gradient
        # On a ridge the gradient says nothing: one standard deviation off it.
        is_ridge = (signed < -MIN_CURVATURE) & (_gain(along, curvature) <= GAIN)
        off = jnp.where(along < 0, -1, 1) * jnp.sqrt(curvature)
        along = jnp.where(is_ridge, off, along)

        def damped(damping: Array) -> Array:
            return now.at - vectors @ (along / (curvature + damping))

        damping = jax.lax.while_loop(
            lambda d: ~(energy(damped(d)) < value) & (d < MAX_DAMPING),
            lambda d: 4 * d,
            now.damping / 8,
        )
        is_stuck = damping >= MAX_DAMPING
        at = jnp.where(is_stuck, now.at, damped(damping))
        gain = jnp.where(is_stuck, 0.0, _gain(along, curvature))
        return _Search(
            at, vectors / jnp.sqrt(curvature)[None], damping, gain, now.step + 1
        )

    far = jnp.array(jnp.inf)
    found = jax.lax.while_loop(
        lambda now: (now.gain > GAIN) & (now.step < MAX_STEPS),
        advance,
        _Search(start, jnp.eye(d), jnp.ones(()), far, jnp.zeros((), int)),
    )
    return Laplace(found.at, found.root, energy(found.at))


def _gain(along: Array, curvature: Array) -> Array:
    """Nats that a full Newton step would gain, were the density Normal."""
    return (along**2 / curvature).sum() / 2
