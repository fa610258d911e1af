"""The target run: what every draw says of the loss there, and checks of its inputs."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from bayeslaw.errors import InputError
from bayeslaw.posterior import spec_of
from bayeslaw.prediction import parameters


class Target:
    """The loss of every draw as sum_i a_i p_i^-g_i at a target run.

    Attributes:
      a: weighted loss of each family at p = 1. Shape (draw, family).
      g: ratio exponents. Shape (draw, family).
      w: weight of each family, summing to 1. Shape (family,).
      w_raw: weight on the law's loss: w, corrected for the held-out sample, or w over
        the loss at p = 1 if losses are normalised. Shape (draw, family).
      noise_sd: sd of the log of the weighted loss between runs that differ in their
        seed only: run effect and each family's noise. Shape (draw,).
    """

    def __init__(
        self, posterior: xr.DataTree, N: float, D: float, weights: Any, normalised: bool
    ):
        for name, value in (("N", N), ("D", D)):
            if not (np.isfinite(value) and value > 0):
                raise InputError(
                    "target run out of range",
                    f"argument {name}",
                    repr(value),
                    "a positive number",
                    "give parameters and tokens as plain counts",
                )
        self.law = spec_of(posterior).law_record
        if self.law.ratio_exponent is None:
            raise InputError(
                "law is not separable in the ratios",
                "model spec, key law",
                self.law.name,
                "a law with outcome proportional to p^-gamma",
                "fit such a law for ratio decisions",
            )
        self.families = tuple(posterior["posterior"].dataset["family"].values.tolist())
        self.N, self.D = N, D
        self.values = parameters(posterior)
        self.g = self.values[self.law.ratio_exponent]
        draws = posterior["posterior"].dataset
        at_full_ratio = self.law.function(N, D, 1.0, **self.values)
        self.w = _weights(weights, self.families)
        if normalised:
            self.w_raw = self.w / at_full_ratio
        else:
            # Decisions are about the families' text, not the one sample held out.
            offset = draws["held_out_offset"].values.reshape(self.g.shape)
            self.w_raw = self.w * np.exp(offset)
        self.a = self.w_raw * at_full_ratio
        share = self.a / self.a.sum(-1, keepdims=True)
        own = (share * draws["sigma"].values.reshape(self.g.shape)) ** 2
        common = draws["run_sd"].values.ravel() if "run_sd" in draws else 0.0
        self.noise_sd = np.sqrt(common**2 + own.sum(-1))

    def named(self, values: np.ndarray) -> dict[str, float]:
        """A value of each family, by name."""
        return dict(zip(self.families, map(float, values), strict=True))


def _weights(weights: Mapping[str, float] | None, families: tuple[str, ...]) -> Any:
    if weights is None:
        return np.full(len(families), 1 / len(families))
    array = _by_name(weights, families, "weights")
    if not (np.isfinite(array).all() and (array > 0).all()):
        raise InputError(
            "weight out of range",
            "weights",
            str(dict(weights)),
            "positive finite numbers",
            "leave a family that does not count out of the "
            "table, or give it a small weight",
        )
    return array / array.sum()


def mixture_array(
    mixture: Mapping[str, float], families: tuple[str, ...], where: str
) -> np.ndarray:
    """A mixture as ratios in the order of the families, each (family,), checked."""
    array = _by_name(mixture, families, where)
    if not ((array > 0).all() and abs(array.sum() - 1) < 1e-6):
        raise InputError(
            "mixture is not a point of the simplex",
            where,
            f"{dict(mixture)} (sum {array.sum():g})",
            "positive ratios that sum to 1",
            "divide percentages by 100",
        )
    return array


def _by_name(
    values: Mapping[str, float], families: tuple[str, ...], where: str
) -> np.ndarray:
    if set(values) != set(families):
        raise InputError(
            "families do not match the posterior's",
            where,
            ", ".join(sorted(values)) or "none",
            ", ".join(families),
            "name every family of the posterior, and no other",
        )
    return np.array([float(values[family]) for family in families])
