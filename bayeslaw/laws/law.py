"""The record of a law: its formula, coordinates for sampling, and default priors."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import jax.numpy as jnp
from jaxtyping import Array, Float

from bayeslaw.laws.group_prior import GroupPrior

Values = Mapping[str, Any]
# Laws take plain numbers as well as numpy and jax arrays of any shape.
Number = Float[Any, "..."] | float | int


@dataclass(frozen=True)
class Coordinate:
    """One sampled coordinate of a law.

    Attributes:
      prior: default prior; a model spec may replace it.
      meaning: one clause, with unit.
      centred: whether the data usually identify each value itself rather than little
        more than the mean. Initial value; warm-up measures it, see `centring`.
      per: a value for each "group" (family), for each "pair" of group and source of
        the mixture, or one for "all".
    """

    prior: GroupPrior
    meaning: str
    centred: bool = True
    per: Literal["group", "pair", "all"] = "group"


@dataclass(frozen=True)
class DataFixed:
    """Quantities that the data identify, sampled in place of some coordinates.

    The prior stays on the coordinates. With the other coordinates fixed, the map is one
    to one.

    Attributes:
      coordinates: names of the coordinates replaced, in the law's order.
      to_fixed: the quantities, one for each of `coordinates`, from all coordinates.
      from_fixed: the coordinates replaced, and the log of the absolute determinant of
        their derivative by the quantities, from the quantities and the coordinates
        not replaced.
    """

    coordinates: tuple[str, ...]
    to_fixed: Callable[[Values], tuple[Any, ...]]
    from_fixed: Callable[[tuple[Any, ...], Values], tuple[tuple[Any, ...], Any]]


@dataclass(frozen=True)
class Extension:
    """One extension of a law, which reduces to the law's own formula at zero.

    Attributes:
      name: key under [extensions] of a model spec.
      meaning: one clause.
      coordinates: the coordinates it adds.
      inputs: the inputs it adds, see `Law.log_outcome`.
      adjust: inputs and coordinates as the law then sees them, from both.
      to_natural: parameters to report beside the law's, from its coordinates.
      replaces: input of the law that its own inputs replace, if any.
      is_default: whether it is on if a spec does not mention it.
      source: paper, or reason.
    """

    name: str
    meaning: str
    coordinates: Mapping[str, Coordinate]
    adjust: Callable[[Values, Values], tuple[Values, Values]]
    to_natural: Callable[[Values], dict[str, Any]]
    inputs: tuple[str, ...] = ()
    replaces: str = ""
    is_default: bool = False
    source: str = ""


@dataclass(frozen=True)
class Law:
    """A scaling law: the paper's formula, and coordinates that can be sampled.

    A contributor gives three things: `function`, the paper's formula; `log_mean`, the
    logarithm of the same in centred coordinates; `to_natural`, which turns coordinates
    into the paper's parameters. The generic tests hold the three together.

    Attributes:
      name: key in `LAWS`.
      function: outcome from inputs (positional) and parameters (keyword-only).
      inputs: names of the inputs, in the order of `function`.
      parameters: names of the paper's parameters.
      coordinates: sampled coordinates by name, in sampling order.
      log_mean: log outcome from log(input / reference) by name and coordinates.
      to_natural: the paper's parameters from coordinates and reference inputs.
      increasing: for each input, whether the outcome rises (True) or falls (False).
      has_ratio: whether the sampling ratio p is an input. Then the outcome is
        floor + c p^-g, with g = exp(log_gamma).
      floor: log of the part of the outcome that does not depend on ratios, from
        coordinates; None if all of it does.
      outcome: name of the metric the law describes.
      domain: where the formula holds, in words.
      source: paper and equation.
      data_fixed: quantities that are easier to sample, or None.
      offered: extensions that this law supports.
      extensions: extensions in use, see `extended`.
    """

    name: str
    function: Callable[..., Any]
    inputs: tuple[str, ...]
    parameters: tuple[str, ...]
    coordinates: Mapping[str, Coordinate]
    log_mean: Callable[..., Any]
    to_natural: Callable[..., dict[str, Any]]
    increasing: Mapping[str, bool]
    has_ratio: bool
    outcome: str
    domain: str
    source: str
    floor: Callable[[Values], Any] | None = None
    data_fixed: DataFixed | None = None
    offered: tuple[Extension, ...] = ()
    extensions: tuple[Extension, ...] = field(default=())

    def extended(self, names: Sequence[str]) -> "Law":
        """The same law with the named extensions in use."""
        chosen = tuple(part for part in self.offered if part.name in names)
        added = {k: c for part in chosen for k, c in part.coordinates.items()}
        return replace(
            self, coordinates={**self.coordinates, **added}, extensions=chosen
        )

    @property
    def all_inputs(self) -> tuple[str, ...]:
        """Inputs of the law and of its extensions."""
        replaced = {part.replaces for part in self.extensions}
        own = [name for name in self.inputs if name not in replaced]
        return (*own, *(name for part in self.extensions for name in part.inputs))

    def log_outcome(
        self, inputs: Values, coordinates: Values
    ) -> Float[Array, "group cell"]:
        """Log outcome of every group and cell, extensions included.

        Args:
          inputs: N, D and p as log(input / reference), each (group, cell); inputs of
            extensions as these say.
          coordinates: each (group,), (group, source) or ().
        """
        offset: Any = 0.0
        for part in self.extensions:
            inputs, coordinates = part.adjust(inputs, coordinates)
            inputs = dict(inputs)
            offset = offset + inputs.pop("offset", 0.0)
        own = {
            name: row(coordinates[name])
            for name, coordinate in self.coordinates.items()
            if coordinate.per == "group" and not self._is_added(name)
        }
        return self.log_mean(**{n: inputs[n] for n in self.inputs}, **own) + offset

    def _is_added(self, name: str) -> bool:
        return any(name in part.coordinates for part in self.extensions)

    def all_natural(self, coordinates: Values, reference: Values) -> dict[str, Any]:
        """The paper's parameters and those of the extensions."""
        own = {k: v for k, v in coordinates.items() if not self._is_added(k)}
        natural = self.to_natural(own, reference)
        for part in self.extensions:
            natural |= part.to_natural(coordinates)
        return natural


def row(values: Any) -> Any:
    """A coordinate against cells; an extension may have made it differ between them."""
    return values if jnp.ndim(values) == 2 else values[:, None]
