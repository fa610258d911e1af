"""Density of whole runs given draws: all rows of a run jointly, its effect unknown."""

from collections.abc import Callable, Mapping
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpyro import distributions as dist

from bayeslaw.inference.compiled import Compiled
from bayeslaw.model import ModelSpec, PaddedArrays, likelihood_of, row_variance
from bayeslaw.numbers import in_float64

# Points of the integral over a run's effect, and of the search for its mode. They lie
# dense around the mode and reach beyond the prior, so that a second mode is met too,
# where the rows of a run disagree. Distances between them grow as that from the mode:
# with 81 a second mode 25 widths off costs 0.02 to 0.09 of a log density, with 161 up
# to 0.009, with 241 less than 0.002.
N_NODES = 241
N_SEARCHED = 41
PRIOR_SDS = 8.0
DRAWS_AT_ONCE = 32

Draws = Mapping[str, Float[np.ndarray, "draw ..."]]


@in_float64
def run_log_density(
    spec: ModelSpec, data: PaddedArrays, draws: Draws
) -> Float[np.ndarray, "draw run"]:
    r"""Compute the log density of all observed rows of every run, given each draw.

    The rows of a run share its effect, which is unknown before the run is trained::

        log p(y_r | draw) = log int prod_c p(y_c | mu_c + b, scale_c) N(b; 0, run_sd) db

    Args:
      spec: model spec.
      data: observations; only `observed` entries count.
      draws: coordinates of the law and quantities of its noise, by name.

    Returns:
      log density of log outcomes; 0 for a run without an observed row, and for padding.

    Source: leave-one-group-out density, Merkle, Furr and Rabe-Hesketh 2019,
    arXiv 1802.04452.
    """
    arrays = {name: jnp.asarray(draws[name]) for name in needed_draws(spec)}
    return np.asarray(_density(spec)(data, arrays))


@in_float64
def log_likelihood(
    spec: ModelSpec, data: PaddedArrays, draws: Draws
) -> Float[np.ndarray, " draw"]:
    """Compute the log density of all observed rows given each draw with run effects.

    Args:
      spec: model spec.
      data: observations; only `observed` entries count.
      draws: coordinates of the law, quantities of its noise and, if the model has it,
        run_effect, by name.
    """
    names = [*needed_draws(spec), *(["run_effect"] if spec.noise.run_effect else [])]
    arrays = {name: jnp.asarray(draws[name]) for name in names}
    return np.asarray(_likelihood(spec)(data, arrays))


@in_float64
def row_moments(
    spec: ModelSpec, data: PaddedArrays, draws: Draws
) -> tuple[Float[np.ndarray, "draw group cell"], Float[np.ndarray, "draw group cell"]]:
    """Middle of every row's log outcome without run effect, and scale of its noise."""
    arrays = {name: jnp.asarray(draws[name]) for name in needed_draws(spec)}
    mean, scale = _moments(spec)(data, arrays)
    return np.asarray(mean), np.asarray(scale)


def needed_draws(spec: ModelSpec) -> tuple[str, ...]:
    """Names of the draws that the density of a row depends on."""
    noise = spec.noise
    optional = {
        "run_sd": noise.run_effect,
        "nu": noise.likelihood == "student_t",
        "sigma_ratio_power": noise.depends_on_ratio,
    }
    used = [name for name, is_used in optional.items() if is_used]
    return (*spec.law_record.coordinates, "sigma", *used)


@lru_cache(maxsize=16)
def _density(spec: ModelSpec) -> Callable[..., Array]:
    def of_draws(data: PaddedArrays, draws: dict[str, Array]) -> Array:
        return jax.lax.map(
            lambda draw: _of_draw(spec, data, draw), draws, batch_size=DRAWS_AT_ONCE
        )

    return Compiled(of_draws, f"run_density {spec.sha256}")


@lru_cache(maxsize=16)
def _likelihood(spec: ModelSpec) -> Callable[..., Array]:
    def one(data: PaddedArrays, draw: dict[str, Array]) -> Array:
        mean, scale = _row_moments(spec, data, draw)
        if spec.noise.run_effect:
            mean = mean + draw["run_effect"][data.run][None]
        noise = likelihood_of(spec.noise.likelihood, mean, scale, draw.get("nu"))
        return jnp.where(data.observed, noise.log_prob(data.log_value), 0.0).sum()

    def of_draws(data: PaddedArrays, draws: dict[str, Array]) -> Array:
        return jax.lax.map(
            lambda draw: one(data, draw), draws, batch_size=DRAWS_AT_ONCE
        )

    return Compiled(of_draws, f"likelihood {spec.sha256}")


@lru_cache(maxsize=16)
def _moments(spec: ModelSpec) -> Callable[..., tuple[Array, Array]]:
    def of_draws(data: PaddedArrays, draws: dict[str, Array]) -> tuple[Array, Array]:
        return jax.vmap(lambda draw: _row_moments(spec, data, draw))(draws)

    return Compiled(of_draws, f"row_moments {spec.sha256}")


def _row_moments(
    spec: ModelSpec, data: PaddedArrays, draw: Mapping[str, Array]
) -> tuple[Array, Array]:
    mean = spec.law_record.log_outcome(data.inputs, draw)
    power = draw.get("sigma_ratio_power")
    variance = row_variance(draw["sigma"][:, None], data.log_se, data.log_ratio, power)
    scale = jnp.sqrt(variance)
    return jnp.broadcast_to(mean, scale.shape), scale


def _of_draw(
    spec: ModelSpec, data: PaddedArrays, draw: Mapping[str, Array]
) -> Float[Array, " run"]:
    """Log density of every run given one draw."""
    mean, scale = _row_moments(spec, data, draw)
    n_runs = data.run_exists.shape[0]

    def of_runs(cells: Float[Array, "*node group cell"]) -> Float[Array, "*node run"]:
        return cells.reshape(*cells.shape[:-1], -1, n_runs).sum((-3, -2))

    def given_effect(effect: Float[Array, "node run"]) -> Float[Array, "node run"]:
        middle = mean[None] + effect[:, data.run][:, None]
        noise = likelihood_of(
            spec.noise.likelihood, middle, scale[None], draw.get("nu")
        )
        rows = jnp.where(data.observed, noise.log_prob(data.log_value[None]), 0.0)
        return of_runs(rows)

    if not spec.noise.run_effect:
        return given_effect(jnp.zeros((1, n_runs)))[0]
    run_sd = draw["run_sd"]

    def joint(effect: Float[Array, "node run"]) -> Float[Array, "node run"]:
        return given_effect(effect) + dist.Normal(0.0, run_sd).log_prob(effect)

    information = jnp.where(data.observed, scale**-2, 0.0)
    precision = of_runs(information) + run_sd**-2
    centre = of_runs(information * (data.log_value - mean)) / precision
    return _log_integral(joint, centre, precision**-0.5, PRIOR_SDS * run_sd)


def _log_integral(
    joint: Callable[[Array], Array], centre: Array, width: Array, reach: Array
) -> Float[Array, " run"]:
    """Log integral over effects, (run,): trapezoids over b = mode + width sinh(t).

    Outliers pull the first centre away from the mode; the first nodes find it.
    """
    first, _ = _nodes(centre, width, reach, N_SEARCHED)
    best = joint(first).argmax(0)
    mode = jnp.take_along_axis(first, best[None], 0)[0]
    effect, log_weight = _nodes(mode, width, reach, N_NODES)
    total = jax.scipy.special.logsumexp(joint(effect) + log_weight, axis=0)
    return jnp.asarray(total)


def _nodes(
    centre: Array, width: Array, reach: Array, count: int
) -> tuple[Array, Array]:
    """Effects and the log of their weights, each (node, run)."""
    end = jnp.arcsinh((jnp.abs(centre) + reach) / width)
    t = jnp.linspace(-1.0, 1.0, count)[:, None] * end[None]
    step = 2 * end / (count - 1)
    effect = centre[None] + width[None] * jnp.sinh(t)
    return effect, jnp.log((width * step)[None] * jnp.cosh(t))
