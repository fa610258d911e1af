"""What a law is: a formula, its coordinates for sampling, and their default priors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float

from bayeslaw.priors import GroupPrior

Values = Mapping[str, Any]
# Laws take plain numbers as well as numpy and jax arrays of any shape.
Number = Float[Any, "..."] | float | int


@dataclass(frozen=True)
class Coordinate:
    """One sampled coordinate of a law, a value per group.

    Args:
      prior: default prior; a model spec may replace it.
      centred: sample each group's value itself (data-rich coordinates) rather than its
        standardised deviation from the mean over groups (data-poor ones).
      shift: function of the coordinates listed before this one. Of the mean over
        groups NUTS samples mean + shift, which the data fix better; the prior stays on
        the mean. Groups fitted apart are shifted each.
      meaning: one clause, with unit.
    """

    prior: GroupPrior
    meaning: str
    centred: bool = True
    shift: Callable[[Values], Any] | None = None


@dataclass(frozen=True)
class Law:
    """A scaling law: the paper's formula beside coordinates that can be sampled.

    A contributor gives three things: `function`, the paper's formula; `log_mean`, the
    logarithm of the same in centred coordinates; `to_natural`, which turns coordinates
    into the paper's parameters. The generic tests hold the three together.

    Args:
      name: key in `LAWS`.
      function: outcome from inputs (positional) and parameters (keyword-only).
      inputs: names of the inputs, in the order of `function`.
      parameters: names of the paper's parameters.
      coordinates: sampled coordinates by name, in sampling order.
      log_mean: log outcome from log(input / reference) by name and coordinates.
      to_natural: the paper's parameters from coordinates and reference inputs.
      increasing: for each input, whether the outcome rises (True) or falls (False).
      ratio_exponent: parameter gamma such that outcome is proportional to p^-gamma at
        fixed other inputs, or None if the law is not separable in the ratios.
      outcome: name of the metric the law describes.
      domain: where the formula holds, in words.
      source: paper and equation.
    """

    name: str
    function: Callable[..., Any]
    inputs: tuple[str, ...]
    parameters: tuple[str, ...]
    coordinates: Mapping[str, Coordinate]
    log_mean: Callable[..., Any]
    to_natural: Callable[..., dict[str, Any]]
    increasing: Mapping[str, bool]
    ratio_exponent: str | None
    outcome: str
    domain: str
    source: str
