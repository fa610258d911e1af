"""Centring learnt from draws, and draws seen under another centring."""

import jax.numpy as jnp
from jaxtyping import Array

from bayeslaw.hierarchy import (
    Centring,
    Prior,
    centring_of,
    middle_and_spread,
    site_of,
    stacked,
)
from bayeslaw.spec import ModelSpec


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
        site = site_of(shape)
        priors = {name: _prior_of_draw(spec, name, values) for name in names}
        prior = stacked(names, priors, shape)
        middle, spread = middle_and_spread(prior, *centring_of(names, centring))
        drawn = jnp.stack([values[name] for name in names])
        moved[site] = (drawn - middle) / spread
    return moved


def _free(
    spec: ModelSpec, values: dict[str, Array], n_batch: int = 0
) -> dict[tuple[int, ...], list[str]]:
    """Coordinates that the chains move around their prior, by shape."""
    law = spec.law_record
    fixed = law.data_fixed if "data_fixed_sampled" in values else None
    held = fixed.coordinates if fixed else ()
    found: dict[tuple[int, ...], list[str]] = {}
    for name in law.coordinates:
        if name not in held and spec.pooling_of(name) != "complete":
            found.setdefault(jnp.shape(values[name])[n_batch:], []).append(name)
    return found


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
        draws, prior = values[name], _prior_of_draw(spec, name, values)
        of_prior = 1 / (prior.scale**2).mean()
        known = jnp.maximum(1 / draws.var(0) - of_prior, 0.0)
        pull = of_prior * (draws.mean(0) - prior.loc.mean())
        location[name] = draws.mean(0) + pull / jnp.maximum(known, of_prior)
        precision[name] = known
    return Centring(location, precision)
