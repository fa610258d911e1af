"""Centring learnt from draws, and draws seen under another centring."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array

from bayeslaw.model import (
    Centring,
    ModelSpec,
    Prior,
    centring_of,
    fixed_middle_and_spread,
    fixed_prior,
    middle_and_spread,
    replaced,
    site_of,
    stacked,
)


def sites_under(
    spec: ModelSpec, values: dict[str, Array], centring: Centring
) -> dict[str, Array]:
    """The sites of `program` for one draw, under another centring.

    Args:
      spec: model spec.
      values: sites and coordinates of the draw under any centring.
      centring: the centring wanted.
    """
    moved = dict(values)
    for shape, names in _free(spec, values).items():
        prior = _stacked_prior(spec, names, values, shape)
        middle, spread = middle_and_spread(prior, *centring_of(names, centring))
        drawn = jnp.stack([values[name] for name in names])
        moved[site_of(shape)] = (drawn - middle) / spread
    fixed = replaced(spec)
    if fixed:
        shape = jnp.shape(values[fixed.coordinates[0]])
        prior = _stacked_prior(spec, fixed.coordinates, values, shape)
        middle, spread = fixed_middle_and_spread(fixed, prior, values, centring)
        quantities = jnp.stack(fixed.to_fixed(values))
        moved["data_fixed_sampled"] = (quantities - middle) / spread
    return moved


def _free(
    spec: ModelSpec, values: dict[str, Array], n_batch: int = 0
) -> dict[tuple[int, ...], list[str]]:
    """Coordinates that the chains move around their prior, by shape."""
    fixed = replaced(spec)
    held = fixed.coordinates if fixed else ()
    found: dict[tuple[int, ...], list[str]] = {}
    for name in spec.law_record.coordinates:
        if name not in held and spec.pooling_of(name) != "complete":
            found.setdefault(jnp.shape(values[name])[n_batch:], []).append(name)
    return found


def _stacked_prior(
    spec: ModelSpec,
    names: Sequence[str],
    values: dict[str, Array],
    shape: tuple[int, ...],
) -> Prior:
    priors = {name: _prior_of_draw(spec, name, values) for name in names}
    return stacked(names, priors, shape)


def _prior_of_draw(spec: ModelSpec, name: str, values: dict[str, Array]) -> Prior:
    prior = spec.prior_of(name)
    return Prior(
        values.get(f"{name}_mean", jnp.array(prior.loc)),
        values.get(f"{name}_sd", jnp.array(prior.total_scale)),
    )


def measured_centring(
    spec: ModelSpec, values: dict[str, Array], declared: Centring
) -> Centring:
    """Centring from draws of the posterior.

    The spread of a coordinate beyond what its prior explains is what the data say:
    1 / variance = prior precision + data precision, as for Normal data.

    Args:
      spec: model spec.
      values: coordinates and hyperparameters, each (draw, ...).
      declared: centring to keep for what is not drawn as a hierarchy.
    """
    location, precision = dict(declared.location), dict(declared.precision)
    for name in (n for names in _free(spec, values, 1).values() for n in names):
        prior = _prior_of_draw(spec, name, values)
        location[name], precision[name] = _beyond_prior(values[name], prior)
    fixed = replaced(spec)
    if fixed:
        quantities = fixed.to_fixed(values)

        def prior_of_draw(draw: dict[str, Array]) -> Prior:
            shape = jnp.shape(draw[fixed.coordinates[0]])
            prior = _stacked_prior(spec, fixed.coordinates, draw, shape)
            return fixed_prior(fixed, prior, draw)

        loc, scale = jax.vmap(prior_of_draw)(values)
        for i, name in enumerate(fixed.coordinates):
            prior = Prior(loc[:, i], scale[:, i])
            location[name], precision[name] = _beyond_prior(quantities[i], prior)
    return Centring(location, precision)


def _beyond_prior(draws: Array, prior: Prior) -> tuple[Array, Array]:
    """Location and precision of what the data say, from draws of the posterior."""

    def mean(values: Array) -> Array:
        # Without pooling the prior is the same in every draw.
        return values.mean(0) if values.ndim else values

    of_prior = mean(1 / prior.scale**2)
    known = jnp.maximum(1 / draws.var(0) - of_prior, 0.0)
    pull = of_prior * (draws.mean(0) - mean(prior.loc))
    return draws.mean(0) + pull / jnp.maximum(known, of_prior), known
