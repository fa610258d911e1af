"""Coordinates of a law over groups: their hierarchy, and which part the chains move."""

from collections.abc import Sequence
from math import log
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jaxtyping import Array

from bayeslaw.laws import GROUP_SD_LOG_SCALE, DataFixed
from bayeslaw.model.padded_arrays import PaddedArrays
from bayeslaw.model.spec import ModelSpec


class Centring(NamedTuple):
    """What the data alone say of each coordinate, roughly; any value is valid.

    It sets the quantity that the chains move, not the model. With precision 0 it is
    the standardised deviation from the mean over groups (non-centred), with a large
    precision the coordinate itself (centred).

    Attributes:
      location: where the data put each coordinate, by name; of coordinates replaced by
        quantities that the data fix (`DataFixed`), each such quantity.
      precision: 1 / variance of that.
    """

    location: dict[str, Array]
    precision: dict[str, Array]


class Prior(NamedTuple):
    """Normal prior of coordinates, given their hyperparameters."""

    loc: Array
    scale: Array


def coordinate_shapes(
    spec: ModelSpec, data: PaddedArrays
) -> dict[str, tuple[int, ...]]:
    """Shape of every coordinate's values."""
    n_groups = data.log_value.shape[0]
    return {
        name: (n_groups, data.inputs["own"].shape[1])
        if coordinate.per == "pair"
        else (n_groups,)
        for name, coordinate in spec.law_record.coordinates.items()
    }


def initial_centring(spec: ModelSpec, data: PaddedArrays) -> Centring:
    """Centring before anything is known: as the law's coordinates declare."""
    location, precision = {}, {}
    for name, shape in coordinate_shapes(spec, data).items():
        prior = spec.prior_of(name)
        is_centred = spec.law_record.coordinates[name].centred
        location[name] = jnp.full(shape, prior.loc)
        precision[name] = jnp.full(shape, 400 / prior.spread**2 if is_centred else 0.0)
    fixed = replaced(spec)
    if fixed:
        quantities = fixed.to_fixed(location)
        location |= dict(zip(fixed.coordinates, quantities, strict=True))
    return Centring(location, precision)


def replaced(spec: ModelSpec) -> DataFixed | None:
    """What the chains move in place of coordinates, if these vary between groups."""
    fixed = spec.law_record.data_fixed
    if fixed and all(spec.pooling_of(n) != "complete" for n in fixed.coordinates):
        return fixed
    return None


def group_coordinates(
    spec: ModelSpec, data: PaddedArrays, centring: Centring
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Sample coordinates, their hyperparameters and the scales of the noise.

    What has one distribution is one site: a gradient costs a fixed time for each small
    array, more than for its elements.

    Returns:
      the coordinates by name, and `sigma` and `run_sd`.
    """
    shapes = coordinate_shapes(spec, data)
    pooled = [name for name in shapes if spec.pooling_of(name) != "none"]
    means = _means(spec, pooled)
    scales = _scales(spec, data.log_value.shape[0])
    priors = {
        name: _prior(spec, name, means, scales)
        for name in shapes
        if spec.pooling_of(name) != "complete"
    }
    values = {
        name: numpyro.deterministic(name, jnp.full(shape, means[name]))
        for name, shape in shapes.items()
        if name not in priors
    }
    fixed = replaced(spec)
    held_back = fixed.coordinates if fixed else ()
    free = [name for name in priors if name not in held_back]
    by_shape: dict[tuple[int, ...], list[str]] = {}
    for name in free:
        by_shape.setdefault(shapes[name], []).append(name)
    for names in by_shape.values():
        values |= _around(names, priors, shapes[names[0]], centring)
    if fixed:
        values |= _data_fixed(fixed, priors, shapes, values, centring)
    return {name: values[name] for name in shapes}, scales


def _means(spec: ModelSpec, names: list[str]) -> dict[str, Array]:
    """Means over groups."""
    if not names:
        return {}
    priors = [spec.prior_of(name) for name in names]
    loc, scale = (
        jnp.array([getattr(prior, part) for prior in priors])
        for part in ("loc", "scale")
    )
    drawn = numpyro.sample("means_sampled", normal(loc, scale))
    return {
        name: numpyro.deterministic(f"{name}_mean", drawn[i])
        for i, name in enumerate(names)
    }


def _scales(spec: ModelSpec, n_groups: int) -> dict[str, Array]:
    """Standard deviations between groups, of rows and of runs: all LogNormal."""
    noise = spec.noise
    partial = [
        name
        for name in spec.law_record.coordinates
        if spec.pooling_of(name) == "partial"
    ]
    parts = [(f"{name}_sd", spec.prior_of(name).sd_loc) for name in partial]
    widths = [GROUP_SD_LOG_SCALE] * len(parts)
    parts += [("sigma", log(noise.sigma.median))] * n_groups
    widths += [noise.sigma.log_scale] * n_groups
    if noise.run_effect:
        parts.append(("run_sd", log(noise.run_sd.median)))
        widths.append(noise.run_sd.log_scale)
    locs = jnp.array([loc for _, loc in parts])
    drawn = jnp.exp(numpyro.sample("scales_sampled", normal(locs, jnp.array(widths))))
    start = len(partial)
    found = {f"{name}_sd": drawn[i] for i, name in enumerate(partial)}
    found["sigma"] = drawn[start : start + n_groups]
    if noise.run_effect:
        found["run_sd"] = drawn[-1]
    return {name: numpyro.deterministic(name, value) for name, value in found.items()}


def _prior(
    spec: ModelSpec, name: str, means: dict[str, Array], scales: dict[str, Array]
) -> Prior:
    if spec.pooling_of(name) == "partial":
        return Prior(means[name], scales[f"{name}_sd"])
    prior = spec.prior_of(name)
    return Prior(jnp.array(prior.loc), jnp.array(prior.total_scale))


def stacked(
    names: Sequence[str], priors: dict[str, Prior], shape: tuple[int, ...]
) -> Prior:
    """Priors of several coordinates of one shape as arrays, coordinates first."""

    def spread(values: list[Array]) -> Array:
        column = jnp.stack(values).reshape(-1, *[1] * len(shape))
        return jnp.broadcast_to(column, (len(values), *shape))

    return Prior(
        spread([priors[name].loc for name in names]),
        spread([priors[name].scale for name in names]),
    )


def _around(
    names: list[str],
    priors: dict[str, Prior],
    shape: tuple[int, ...],
    centring: Centring,
) -> dict[str, Array]:
    """Normal values of which the chains move the part that the data leave open."""
    prior = stacked(names, priors, shape)
    middle, spread = middle_and_spread(prior, *centring_of(names, centring))
    standard = numpyro.sample(
        site_of(shape), normal((prior.loc - middle) / spread, prior.scale / spread)
    )
    values = middle + spread * standard
    return {n: numpyro.deterministic(n, values[i]) for i, n in enumerate(names)}


def site_of(shape: tuple[int, ...]) -> str:
    """Name of the site that holds the coordinates of one shape."""
    return "coordinates_sampled" if len(shape) == 1 else "pairs_sampled"


def centring_of(names: Sequence[str], centring: Centring) -> tuple[Array, Array]:
    """Location and precision of several coordinates, coordinates first."""
    return (
        jnp.stack([centring.location[name] for name in names]),
        jnp.stack([centring.precision[name] for name in names]),
    )


def middle_and_spread(
    prior: Prior, location: Array, known: Array
) -> tuple[Array, Array]:
    """Middle and spread of coordinates given prior and what the data say."""
    of_prior = prior.scale**-2
    middle = (known * location + of_prior * prior.loc) / (known + of_prior)
    return middle, 1 / jnp.sqrt(known + of_prior)


def _data_fixed(
    fixed: DataFixed,
    priors: dict[str, Prior],
    shapes: dict[str, tuple[int, ...]],
    values: dict[str, Array],
    centring: Centring,
) -> dict[str, Array]:
    """Coordinates of which the chains move the quantities that the data fix."""
    names = fixed.coordinates
    prior = stacked(names, priors, shapes[names[0]])
    middle, spread = fixed_middle_and_spread(fixed, prior, values, centring)
    standard = numpyro.sample(
        "data_fixed_sampled", _DataFixedPrior(fixed, prior, values, middle, spread)
    )
    found, _ = fixed.from_fixed(tuple(middle + spread * standard), values)
    return {
        name: numpyro.deterministic(name, value)
        for name, value in zip(names, found, strict=True)
    }


def fixed_middle_and_spread(
    fixed: DataFixed, prior: Prior, values: dict[str, Array], centring: Centring
) -> tuple[Array, Array]:
    """Middle and spread of the quantities that the data fix."""
    return middle_and_spread(
        fixed_prior(fixed, prior, values), *centring_of(fixed.coordinates, centring)
    )


def fixed_prior(fixed: DataFixed, prior: Prior, values: dict[str, Array]) -> Prior:
    """About what the prior of the coordinates says of the quantities moved.

    A step of odds moves the slope by nearly as much. That is rough; the prior's own
    density stays on the coordinates, and any middle and spread are valid.
    """
    centre = dict(zip(fixed.coordinates, prior.loc, strict=True))
    return Prior(jnp.stack(fixed.to_fixed(values | centre)), prior.scale)


class _DataFixedPrior(dist.Distribution):
    """Prior of standardised quantities, from that of the coordinates replaced."""

    support = dist.constraints.real_matrix

    def __init__(
        self,
        fixed: DataFixed,
        prior: Prior,
        values: dict[str, Array],
        middle: Array,
        spread: Array,
    ):
        self.fixed, self.prior, self.values = fixed, prior, values
        self.middle, self.spread = middle, spread
        super().__init__(event_shape=jnp.shape(prior.loc))

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Array:
        if sample_shape:
            raise NotImplementedError("one draw at a time")
        drawn = dist.Normal(*self.prior).sample(key)
        named = dict(zip(self.fixed.coordinates, drawn, strict=True))
        quantities = jnp.stack(self.fixed.to_fixed(self.values | named))
        return (quantities - self.middle) / self.spread

    def log_prob(self, value: Array) -> Array:
        quantities = self.middle + self.spread * value
        found, log_det = self.fixed.from_fixed(tuple(quantities), self.values)
        log_prior = dist.Normal(*self.prior).log_prob(jnp.stack(found))
        return log_prior.sum() + log_det.sum() + jnp.log(self.spread).sum()


def normal(loc: Array, scale: Array) -> dist.Distribution:
    """Normal over an array of values."""
    return dist.Normal(loc, scale).to_event(jnp.ndim(loc))
