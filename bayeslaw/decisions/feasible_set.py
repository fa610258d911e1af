"""Constraints at one target run: the mixtures they allow, and which of them bind."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from bayeslaw.decisions.constraints import Constraints, LinearLimit
from bayeslaw.decisions.solvers import Limits, roomiest
from bayeslaw.errors import InputError

# A ratio this close to a limit is at it; mixtures of files are rounded too.
TOUCH = 1e-6


class FeasibleSet(NamedTuple):
    """Mixtures that constraints allow at a target run.

    Attributes:
      sources: what the mixture is made of.
      limits: the same as numbers, in the order of `sources`.
      lines: name of each row of linear limits.
      is_epochs: whether the epoch cap is what bounds a ratio from above.
      epochs: epochs of each source at ratio 1; NaN where unknown.
    """

    sources: tuple[str, ...]
    limits: Limits
    lines: tuple[str, ...]
    is_epochs: Bool[np.ndarray, " source"]
    epochs: Float[np.ndarray, " source"]

    @property
    def is_free(self) -> bool:
        """Whether every mixture is allowed."""
        lower, upper, _, most = self.limits
        return not (lower.any() or (upper < 1).any() or len(most))

    def allows(self, ratios: Float[np.ndarray, " source"]) -> bool:
        """Whether a mixture keeps every limit."""
        return not self.broken(ratios)

    def broken(self, ratios: Float[np.ndarray, " source"]) -> tuple[str, ...]:
        """The limits that a mixture breaks, in words."""
        return tuple(self._named(ratios, lambda slack: slack < -TOUCH))

    def binding(self, ratios: Float[np.ndarray, " source"]) -> tuple[str, ...]:
        """The limits that a mixture touches, in words."""
        return tuple(self._named(ratios, lambda slack: abs(slack) <= TOUCH))

    def _named(
        self, ratios: np.ndarray, is_so: Callable[[float], Any]
    ) -> Iterator[str]:
        lower, upper, weights, most = self.limits
        for i, source in enumerate(self.sources):
            if lower[i] > 0 and is_so(ratios[i] - lower[i]):
                yield f"{source} at least {lower[i]:.4g}"
            if upper[i] < 1 and is_so(upper[i] - ratios[i]):
                of = (
                    f" ({upper[i] * self.epochs[i]:.3g} epochs)"
                    if self.is_epochs[i]
                    else ""
                )
                yield f"{source} at most {upper[i]:.4g}{of}"
        for name, row, end in zip(self.lines, weights, most, strict=True):
            if is_so(end - row @ ratios):
                yield name


def feasible_set(
    constraints: Constraints,
    sources: tuple[str, ...],
    unique_tokens: Mapping[str, float],
    D: float,
) -> FeasibleSet:
    """The mixtures that constraints allow at a target run.

    Args:
      constraints: by names.
      sources: what the mixture is made of, in order.
      unique_tokens: distinct tokens in the table, where it gives them.
      D: training tokens of the target run.

    Raises:
      InputError: a constraint names what is no source, is out of range, or no mixture
        keeps them all.
    """
    lower = _ratios(constraints.lower, sources, 0.0, "lower")
    upper = _ratios(constraints.upper, sources, 1.0, "upper")
    crossed = _picked(sources, lower > upper)
    if crossed:
        raise InputError(
            "lower bound above the upper one",
            "constraints, lower and upper",
            ", ".join(crossed),
            "lower bounds no higher than upper bounds",
            "correct one of them",
        )
    unique = _unique(constraints, sources, unique_tokens)
    epochs = D / unique
    caps = _caps(constraints, sources, unique) / epochs
    is_epochs = caps < upper
    upper = np.where(is_epochs, caps, upper)
    lines = [row for line in constraints.linear for row in _rows(line, sources)]
    weights = np.array([row for _, row, _ in lines]).reshape(-1, len(sources))
    most = np.array([end for _, _, end in lines])
    found = FeasibleSet(
        sources,
        Limits(lower, np.minimum(upper, 1.0), weights, most),
        tuple(name for name, _, _ in lines),
        is_epochs,
        epochs,
    )
    _require_possible(found, unique, D, constraints)
    return found


def _ratios(
    given: Mapping[str, float], sources: tuple[str, ...], default: float, name: str
) -> Float[np.ndarray, " source"]:
    _require_known(given, sources, name)
    values = np.array([float(given.get(source, default)) for source in sources])
    is_right = (values >= 0) & (values <= 1) & ((values > 0) | (name == "lower"))
    if not is_right.all():
        raise InputError(
            "bound of a ratio out of range",
            f"constraints, {name}",
            ", ".join(f"{s} {given[s]:g}" for s in _picked(sources, ~is_right)),
            "a ratio in [0, 1]" if name == "lower" else "a ratio in (0, 1]",
            "divide percentages by 100; a family that is to have no text has no loss "
            "here",
        )
    return values


def _picked(sources: tuple[str, ...], pick: np.ndarray) -> list[str]:
    return [source for source, is_so in zip(sources, pick, strict=True) if is_so]


def _require_known(
    given: Mapping[str, Any], sources: tuple[str, ...], name: str
) -> None:
    unknown = [key for key in given if key not in sources]
    if unknown:
        raise InputError(
            "constraint on what is not in the mixture",
            f"constraints, {name}",
            ", ".join(unknown),
            ", ".join(sources),
            "correct the name or leave it out",
        )


def _unique(
    constraints: Constraints, sources: tuple[str, ...], table: Mapping[str, float]
) -> Float[np.ndarray, " source"]:
    """Distinct tokens of each source; NaN where they are not known."""
    _require_known(constraints.unique_tokens, sources, "unique_tokens")
    given = {**table, **constraints.unique_tokens}
    unique = np.array([float(given.get(source, np.nan)) for source in sources])
    if (unique <= 0).any():
        raise InputError(
            "distinct tokens out of range",
            "constraints, unique_tokens",
            str(dict(constraints.unique_tokens)),
            "positive numbers of tokens",
            "give the tokens of each family's text, counted once",
        )
    if constraints.repeats:
        _require_counted(unique, sources, np.ones(len(sources), bool), "repeats")
    return unique


def _require_counted(
    unique: np.ndarray, sources: tuple[str, ...], needed: np.ndarray, name: str
) -> None:
    missing = _picked(sources, needed & np.isnan(unique))
    if missing:
        raise InputError(
            "distinct tokens are not known",
            f"constraints, {name}",
            "none for " + ", ".join(missing),
            "distinct tokens of every family concerned",
            "give them as [unique_tokens] of the constraints, or as column "
            "unique_tokens of the table",
        )


def _caps(
    constraints: Constraints, sources: tuple[str, ...], unique: np.ndarray
) -> Float[np.ndarray, " source"]:
    """Most epochs of each source, inf where there is no cap."""
    most = constraints.max_epochs
    if most is None:
        return np.full(len(sources), np.inf)
    if not isinstance(most, Mapping):
        most = dict.fromkeys(sources, most)
    _require_known(most, sources, "max_epochs")
    caps = np.array([float(most.get(source, np.inf)) for source in sources])
    if not (caps > 0).all():
        raise InputError(
            "epoch cap out of range",
            "constraints, max_epochs",
            str(constraints.max_epochs),
            "a positive number of epochs",
            "give how often each distinct token may be seen",
        )
    _require_counted(unique, sources, np.isfinite(caps), "max_epochs")
    return caps


def _rows(
    line: LinearLimit, sources: tuple[str, ...]
) -> Iterator[tuple[str, np.ndarray, float]]:
    """Name, weights and largest value of each end of a linear limit."""
    _require_known(line.shares, sources, f"linear {line.name!r}")
    row = np.array([float(line.shares.get(source, 0.0)) for source in sources])
    if not row.any() or (line.at_most is None and line.at_least is None):
        raise InputError(
            "linear limit limits nothing",
            f"constraints, linear {line.name!r}",
            f"shares {dict(line.shares)}, at_most {line.at_most}, at_least "
            f"{line.at_least}",
            "weights of one family or more, and at_most or at_least",
            "complete it or leave it out",
        )
    if line.at_most is not None:
        yield f"{line.name} at most {line.at_most:.4g}", row, line.at_most
    if line.at_least is not None:
        yield f"{line.name} at least {line.at_least:.4g}", -row, -line.at_least


def _require_possible(
    found: FeasibleSet, unique: np.ndarray, D: float, constraints: Constraints
) -> None:
    lower, upper, _, most = found.limits
    if lower.sum() > 1 + 1e-12:
        raise InputError(
            "lower bounds leave no mixture",
            "constraints, lower",
            f"they sum to {lower.sum():.6g}",
            "a sum of at most 1",
            "lower some of them",
        )
    if upper.sum() < 1 - 1e-12:
        capped = found.is_epochs
        text = np.where(capped, upper * D, 0.0).sum()
        raise InputError(
            "epoch caps leave no mixture"
            if capped.any()
            else "upper bounds leave none",
            "constraints, " + ("max_epochs" if capped.any() else "upper"),
            f"the largest ratios allowed sum to {upper.sum():.4g}"
            + (
                f": {text:.3g} tokens under the caps, from "
                f"{unique[capped].sum():.3g} distinct ones, for a run of {D:.3g}"
                if capped.any()
                else ""
            ),
            "a sum of at least 1",
            "allow more epochs, add text, or plan fewer tokens"
            if capped.any()
            else "raise some of them",
        )
    if len(most) and roomiest(found.limits)[1] < -1e-9:
        raise InputError(
            "constraints contradict each other",
            "constraints, linear",
            "; ".join(found.lines),
            "limits that one mixture at least can keep, with the bounds of each ratio",
            "leave limits out one after the other until a mixture is found",
        )
