"""The target run: what every draw says of the loss there, and checks of its inputs."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from bayeslaw.errors import InputError
from bayeslaw.posterior import provenance, spec_of
from bayeslaw.prediction import coordinates, joined, row_noise_width
from bayeslaw.ratio_form import ratio_form, require_ratio_form
from bayeslaw.simplex import (
    optimum_in_expectation,
    optimum_per_draw,
    separable_loss,
)


class Target:
    """The loss of every draw as constant + sum_i a_i p_i^-g_i at a target run.

    Attributes:
      a: weighted loss of each family at p = 1 that ratios move. Shape (draw, family).
      g: ratio exponents at the target's size. Shape (draw, family).
      constant: weighted loss that ratios do not move. Shape (draw,).
      w: weight of each family, summing to 1. Shape (family,).
      w_raw: weight on the law's loss: w, corrected for the held-out sample, or w over
        the loss at p = 1 if losses are normalised. Shape (draw, family).
    """

    def __init__(
        self, posterior: xr.DataTree, N: float, D: float, weights: Any, normalised: bool
    ):
        require_counts(N, D)
        self._posterior = posterior
        require_ratio_form(spec_of(posterior))
        self.families = tuple(posterior["posterior"].dataset["family"].values.tolist())
        self.N, self.D = N, D
        draws = posterior["posterior"].dataset
        self.values = coordinates(posterior)
        reference = provenance(posterior)["reference"]
        self._form = ratio_form(spec_of(posterior).law_record, reference, N)
        full, floor, self.g = self._form(self.values, D)
        self.w = _weights(weights, self.families)
        if normalised:
            self.w_raw = self.w / full
        else:
            # Decisions are about the families' text, not the one sample held out.
            offset = draws["held_out_offset"].values.reshape(self.g.shape)
            self.w_raw = self.w * np.exp(offset)
        self.a = self.w_raw * (full - floor)
        self._floor = self.w_raw * floor
        self.constant = self._floor.sum(-1)

    def loss(self, ratios: np.ndarray) -> Float[np.ndarray, " draw"]:
        """Weighted loss of every draw for a mixture, or for one mixture per draw."""
        return self.constant + separable_loss(self.a, self.g, ratios)

    def best_per_draw(self) -> Float[np.ndarray, "draw family"]:
        """The mixture that minimises each draw's loss."""
        return optimum_per_draw(self.a, self.g)

    def best(self) -> Float[np.ndarray, " family"]:
        """The mixture that minimises the loss averaged over draws (Bayes action)."""
        return optimum_in_expectation(self.a, self.g)

    def curvature(
        self, ratios: Float[np.ndarray, " family"]
    ) -> Float[np.ndarray, "family family"]:
        """Second derivatives of the loss averaged over draws."""
        terms = self.a * self.g * (self.g + 1) * np.exp(-(self.g + 2) * np.log(ratios))
        return np.diag(terms.mean(0))

    def noise_width(self, ratios: np.ndarray) -> Float[np.ndarray, " draw"]:
        """Scatter of the log of the weighted loss between seeds, for a mixture.

        Half the width of the central 68 % interval of what one run adds: its effect
        and each family's noise, taken as independent. One sd if the noise is Normal;
        Student-t noise may have none.
        """
        losses = self._floor + self.a * np.exp(-self.g * np.log(ratios))
        share = losses / losses.sum(-1, keepdims=True)
        own = share * row_noise_width(self._posterior, ratios)
        draws = self._posterior["posterior"].dataset
        common = joined(draws["run_sd"]) if "run_sd" in draws else 0.0
        return np.sqrt(common**2 + (own**2).sum(-1))

    def loss_with_tokens(
        self, D: np.ndarray, ratios: np.ndarray, pick: np.ndarray
    ) -> np.ndarray:
        """The same with other numbers of tokens, for some draws; D is (pick,)."""
        values = {name: array[pick] for name, array in self.values.items()}
        full, floor, exponent = self._form(values, D)
        weight = self.w_raw[pick]
        scaled = separable_loss(weight * (full - floor), exponent, ratios)
        return scaled + (weight * floor).sum(-1)

    def named(self, values: np.ndarray) -> dict[str, float]:
        """A value of each family, by name."""
        return dict(zip(self.families, map(float, values), strict=True))


def require_counts(N: float, D: float) -> None:
    """Refuse a target run whose parameters or tokens are no positive number.

    Raises:
      InputError: naming the first that is not.
    """
    for name, value in (("N", N), ("D", D)):
        if not (np.isfinite(value) and value > 0):
            raise InputError(
                "target run out of range",
                f"argument {name}",
                repr(value),
                "a positive number",
                "give parameters and tokens as plain counts",
            )


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
    mixture: Mapping[str, float],
    names: tuple[str, ...],
    where: str,
    *,
    may_be_zero: bool = False,
) -> Float[np.ndarray, " name"]:
    """A mixture as ratios in the order of names of families or sources, checked.

    Raises:
      InputError: other names, or no point of the simplex.
    """
    array = _by_name(mixture, names, where)
    is_inside = (array >= 0).all() if may_be_zero else (array > 0).all()
    if not (is_inside and abs(array.sum() - 1) < 1e-6):
        raise InputError(
            "mixture is not a point of the simplex",
            where,
            f"{dict(mixture)} (sum {array.sum():g})",
            f"{'non-negative' if may_be_zero else 'positive'} ratios that sum to 1",
            "divide percentages by 100",
        )
    return array


def _by_name(
    values: Mapping[str, float], names: tuple[str, ...], where: str
) -> np.ndarray:
    if set(values) != set(names):
        raise InputError(
            "families do not match the posterior's",
            where,
            ", ".join(sorted(values)) or "none",
            ", ".join(names),
            "name each of these, and no other",
        )
    return np.array([float(values[name]) for name in names])
