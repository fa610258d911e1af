"""Losses of families as functions of ratios, with their derivatives, draw by draw."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

Array = Float[np.ndarray, "..."]


class Repetition(NamedTuple):
    """What repeated tokens are worth: the data part of a loss grows by worth^-beta.

    Attributes:
      share: part of `Losses.a` due to the data term, at fresh tokens.
      beta: data exponent.
      R: repetitions after which the gain has fallen to 1/e.
      epochs: epochs of the family's text if its ratio were 1, D / unique tokens.

    Source: Muennighoff et al. 2023, arXiv 2305.16264, equation 5.
    """

    share: Float[np.ndarray, "draw family"]
    beta: Float[np.ndarray, "draw family"]
    R: Float[np.ndarray, "draw family"]
    epochs: Float[np.ndarray, "draw family"]

    def growth(self, x: Array) -> tuple[Array, Array, Array]:
        """Log of worth^-beta at log ratios x, and its two derivatives by x."""
        seen = np.maximum(self.epochs * np.exp(x), 1.0)
        fresh = np.exp((1 - seen) / self.R)
        worth = 1 + self.R * (1 - fresh)
        elasticity = seen * fresh / worth
        bend = elasticity * (1 - seen / self.R - elasticity)
        repeats = seen > 1
        return (
            self.beta * np.log(seen / worth),
            np.where(repeats, self.beta * (1 - elasticity), 0.0),
            np.where(repeats, -self.beta * bend, 0.0),
        )


@dataclass(frozen=True)
class Losses:
    """Loss of every draw and family at effective ratios q: floor + a q^-g.

    The effective ratio of a family is its own ratio, or sum_j tau_ij p_j where text of
    other sources counts too. With repetition, a part of a grows with the ratio.

    Attributes:
      floor: loss that ratios do not move.
      a: loss at q = 1 that they do, positive.
      g: ratio exponents, positive.
      repetition: worth of repeated tokens; None if all count as fresh.
      transfer: worth tau of a source's token to a family, 1 for its own; None without
        transfer, when sources are the families.
    """

    floor: Float[np.ndarray, "draw family"]
    a: Float[np.ndarray, "draw family"]
    g: Float[np.ndarray, "draw family"]
    repetition: Repetition | None = None
    transfer: Float[np.ndarray, "draw family source"] | None = None

    def __len__(self) -> int:
        """Number of draws."""
        return len(self.a)

    @property
    def n_sources(self) -> int:
        """Number of ratios of a mixture."""
        return (self.a if self.transfer is None else self.transfer).shape[-1]

    def scaled(self, factor: Any) -> "Losses":
        """The losses times a factor, broadcastable to (draw, family)."""
        return replace(self, floor=self.floor * factor, a=self.a * factor)

    def take(self, pick: Any) -> "Losses":
        """The losses of some draws."""
        worth, transfer = self.repetition, self.transfer
        return replace(
            self,
            floor=self.floor[pick],
            a=self.a[pick],
            g=self.g[pick],
            repetition=worth and Repetition(*(array[pick] for array in worth)),
            transfer=None if transfer is None else transfer[pick],
        )

    def effective(self, ratios: Array) -> Float[np.ndarray, "#draw family"]:
        """Effective ratios of one mixture, or of one for each draw."""
        ratios = np.atleast_2d(ratios)
        if self.transfer is None:
            return ratios
        return (self.transfer @ ratios[..., None])[..., 0]

    def at(self, ratios: Array) -> Float[np.ndarray, "draw family"]:
        """Loss of every family for one mixture, or for one mixture a draw."""
        return self.floor + self.moving(np.log(self.effective(ratios)))[0]

    def moving(self, x: Array) -> tuple[Array, Array, Array]:
        """The part that ratios move at x = log q, and its two derivatives by x."""
        part = self.a * np.exp(-self.g * x)
        if self.repetition is None:
            return part, -self.g * part, self.g**2 * part
        log_growth, slope, bend = self.repetition.growth(x)
        data = self.repetition.share * part * np.exp(log_growth)
        rest = (1 - self.repetition.share) * part
        slope = slope - self.g
        return (
            rest + data,
            -self.g * rest + slope * data,
            self.g**2 * rest + (slope**2 + bend) * data,
        )

    def by_ratio(self, q: Array) -> tuple[Array, Array]:
        """First and second derivative of the losses by the effective ratio."""
        _, slope, bend = self.moving(np.log(q))
        return slope / q, (bend - slope) / q**2
