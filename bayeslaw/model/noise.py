"""Noise of a row's log outcome: its scale, and its density for JAX and for scipy."""

from collections.abc import Mapping
from math import erf, exp, pi, sqrt
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

# Not `import numpyro.distributions`: of the lazy numpyro that ArviZ leaves behind where
# it came first, that loads half a module.
from numpyro import distributions as dist
from scipy.special import ndtr, ndtri

# Half-width of the Normal part in units of the scale: 95 % efficiency under Normal
# noise (Huber 1964, doi 10.1214/aoms/1177703732).
WIDTH = 1.345
_TAIL = exp(-(WIDTH**2) / 2) / WIDTH  # area of one tail before normalisation
_MIDDLE = sqrt(2 * pi) * erf(WIDTH / sqrt(2))
_AREA = _MIDDLE + 2 * _TAIL


def row_variance(
    sigma: Any, log_se: Any, log_ratio: Any = None, power: Any = None
) -> Any:
    """Squared scale of the noise of rows, the effect of their run left out.

    With power 0 if none is given::

        scale^2 = se^2 + (sigma exp(-power log_ratio))^2

    Args:
      sigma: scale of each row's group; of numpy or of JAX, as then is the result.
      log_se: known standard error of the log outcome.
      log_ratio: log(p / reference); used if there is a power.
      power: draws of sigma_ratio_power; None where the noise does not depend on ratios.
    """
    if power is not None:
        sigma = sigma * sigma.__array_namespace__().exp(-power * log_ratio)
    return log_se**2 + sigma**2


def likelihood_of(
    kind: str, mean: Any, scale: Any, nu: Any = None
) -> dist.Distribution:
    """NumPyro distribution of a spec's likelihood."""
    if kind == "student_t":
        return dist.StudentT(nu, mean, scale)
    return (dist.Normal if kind == "normal" else Huber)(mean, scale)


def noise_of(kind: str, mean: Any, scale: Any, nu: Any = None) -> Any:
    """The same as a frozen distribution with the methods of scipy's."""
    # A second of CPU to import, which a fit need not spend.
    from scipy import stats

    if kind == "student_t":
        return stats.t(nu, mean, scale)
    return (stats.norm if kind == "normal" else FrozenHuber)(mean, scale)


def noise_of_rows(
    kind: str,
    draws: Mapping[str, np.ndarray],
    mean: np.ndarray,
    sigma: np.ndarray,
    *,
    log_se: Any = 0.0,
    log_ratio: Any = None,
) -> Any:
    """Frozen distribution of rows under every draw.

    Args:
      kind: a spec's likelihood.
      draws: `nu` and `sigma_ratio_power`, each (draw,), where the noise has them.
      mean: middle of each row's log outcome, (draw, ...).
      sigma: scale of each row's group, broadcastable to mean.
      log_se: known standard error of the log outcome, broadcastable to mean.
      log_ratio: log(p / reference) of each row, broadcastable to mean.
    """
    nu, power = (
        draws[name].reshape(-1, *[1] * (mean.ndim - 1)) if name in draws else None
        for name in ("nu", "sigma_ratio_power")
    )
    scale = np.sqrt(row_variance(sigma, log_se, log_ratio, power))
    return noise_of(kind, mean, np.broadcast_to(scale, mean.shape), nu)


class Huber(dist.Distribution):
    """Normal in the middle, exponential tails.

    Density proportional to exp(-Huber loss of (x - loc) / scale).

    Args:
      loc: centre.
      scale: sd of the Normal part.
    """

    support = dist.constraints.real
    pytree_data_fields = ("loc", "scale")

    def __init__(self, loc: Any, scale: Any):
        self.loc, self.scale = loc, scale
        super().__init__(jnp.broadcast_shapes(jnp.shape(loc), jnp.shape(scale)))

    def log_prob(self, value: Array) -> Array:
        """Log density."""
        distance = jnp.abs(value - self.loc) / self.scale
        inner = jnp.minimum(distance, WIDTH)
        loss = inner**2 / 2 + WIDTH * (distance - inner)
        return -loss - jnp.log(self.scale) - np.log(_AREA)

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Array:
        """Not needed: the likelihood is observed."""
        raise NotImplementedError("draw with FrozenHuber")


class FrozenHuber:
    """The same distribution with the methods of a frozen one of scipy."""

    def __init__(self, loc: Any, scale: Any):
        self.loc, self.scale = np.broadcast_arrays(loc, scale)

    def cdf(self, x: Any) -> np.ndarray:
        """Probability of a value up to x."""
        z = (np.asarray(x) - self.loc) / self.scale
        tail = np.exp(np.minimum(-WIDTH * np.abs(z) + WIDTH**2 / 2, 0)) / WIDTH
        lower = np.where(z < 0, tail, _AREA - tail)
        middle = _TAIL + sqrt(2 * pi) * (ndtr(z) - ndtr(-WIDTH))
        return np.where(np.abs(z) > WIDTH, lower, middle) / _AREA

    def ppf(self, q: Any) -> np.ndarray:
        """Quantile of a probability."""
        q = np.asarray(q)
        area = np.minimum(q, 1 - q) * _AREA
        with np.errstate(divide="ignore", invalid="ignore"):
            outer = np.log(area * WIDTH) / WIDTH - WIDTH / 2
            inner = ndtri((area - _TAIL) / sqrt(2 * pi) + ndtr(-WIDTH))
        z = np.where(area < _TAIL, outer, inner)
        return self.loc + self.scale * np.where(q < 0.5, z, -z)

    def logpdf(self, x: Any) -> np.ndarray:
        """Log density."""
        z = np.abs(np.asarray(x) - self.loc) / self.scale
        inner = np.minimum(z, WIDTH)
        return -(inner**2 / 2 + WIDTH * (z - inner)) - np.log(self.scale * _AREA)

    def rvs(self, size: Any = None, random_state: Any = None) -> np.ndarray:
        """Draw."""
        rng = np.random.default_rng(random_state)
        return self.ppf(rng.random(self.loc.shape if size is None else size))
