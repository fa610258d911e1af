"""The hierarchical model: from a spec and observations to a NumPyro program."""

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jaxtyping import Array

from bayeslaw.model.hierarchy import Centring, group_coordinates, normal
from bayeslaw.model.noise import likelihood_of, row_variance
from bayeslaw.model.padded_arrays import PaddedArrays
from bayeslaw.model.spec import ModelSpec


def program(spec: ModelSpec, data: PaddedArrays, centring: Centring) -> None:
    r"""NumPyro program of a spec.

    For group i, cell c of run r, with x the centred log inputs::

        mean_k ~ Normal(loc_k, scale_k),  sd_k ~ LogNormal(log(spread_k / 2), 0.5)
        theta_ik ~ Normal(mean_k, sd_k)                    (pooling "partial")
        mu_ic = log_outcome(x_ic; theta_i) + run_effect_r
        log y_ic ~ StudentT(nu, mu_ic, sqrt(se_ic^2 + sigma_i^2))

    Args:
      spec: model spec; its law supplies log_outcome and the coordinates k.
      data: observations.
      centring: which quantities the chains move, see `initial_centring`.
    """
    noise = spec.noise
    theta, scales = group_coordinates(spec, data, centring)
    mean = spec.law_record.log_outcome(data.inputs, theta)
    power = nu = None
    if noise.depends_on_ratio:
        power = numpyro.sample("sigma_ratio_power", dist.Normal(0.0, 0.3))
    variance = row_variance(
        scales["sigma"][:, None], data.log_se, data.log_ratio, power
    )
    if noise.likelihood == "student_t":
        nu = numpyro.sample("nu", dist.Gamma(noise.nu.shape, noise.nu.rate))
    if noise.run_effect:
        # Fisher information of a location, Student-t; Huber's is close to Normal.
        share = 1.0 if nu is None else (nu + 1) / (nu + 3)
        information = jnp.where(data.observed, share / variance, 0.0)
        mean = mean + _run_effect(data, mean, information, scales["run_sd"])
    likelihood = likelihood_of(noise.likelihood, mean, jnp.sqrt(variance), nu)
    numpyro.sample("log_value", likelihood.mask(data.observed), obs=data.log_value)


def _run_effect(
    data: PaddedArrays, mean: Array, information: Array, run_sd: Array
) -> Array:
    """Deviation of every cell's run, (1, cell).

    The chains move its standardised difference from what the run's own residuals say,
    so that it is nearly independent of everything else, whether runs have two rows or
    two hundred: centred or non-centred effects suit only one of these.
    """

    def of_runs(cells: Array) -> Array:
        return cells.reshape(len(cells), -1, *data.run_exists.shape).sum((0, 1))

    precision = of_runs(information)
    spread = 1 / jnp.sqrt(precision + 1 / run_sd**2)
    # The prior Normal(0, run_sd) in units of spread from that middle.
    offset = of_runs(information * (data.log_value - mean)) * spread
    standard = numpyro.sample("run_effect_sampled", normal(-offset, run_sd / spread))
    effect = numpyro.deterministic("run_effect", (offset + standard) * spread)
    return jnp.tile(effect, mean.shape[1] // len(effect))[None]
