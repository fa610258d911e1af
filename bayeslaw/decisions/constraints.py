"""What a user allows of a mixture, and which risk it is to minimise."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, get_args

from bayeslaw.decisions.solvers import Risk
from bayeslaw.errors import InputError


@dataclass(frozen=True)
class LinearLimit:
    """A limit on a sum of shares, such as germanic + romance at most 0.6.

    Attributes:
      name: what the decision calls it.
      shares: weight of each family or source in the sum; the others have none.
      at_most: largest value of the sum.
      at_least: smallest value of it.
    """

    name: str
    shares: Mapping[str, float]
    at_most: float | None = None
    at_least: float | None = None


@dataclass(frozen=True)
class Constraints:
    """Limits on the mixture of a target run, and the risk that it minimises.

    Attributes:
      lower: least ratio by family or source, 0 for the others.
      upper: largest ratio, 1 for the others.
      max_epochs: how often a family's distinct tokens may be seen: one number for all
        families, or by family.
      repeats: whether tokens seen again count at their worth, with the model's own R
        where it has the extension `repetition`, else the published 15.39.
      unique_tokens: distinct tokens by family, where the table's are not to be used.
      linear: limits on sums of shares.
      risk: "expected" for the weighted mean of the families' losses, "minimax" for the
        worst of them, "cvar" for that mean over the worst share of draws.
      worst_share: that share.

    Example:
      >>> Constraints(upper={"germanic": 0.4}, max_epochs=4)
    """

    lower: Mapping[str, float] = field(default_factory=dict)
    upper: Mapping[str, float] = field(default_factory=dict)
    max_epochs: float | Mapping[str, float] | None = None
    repeats: bool = False
    unique_tokens: Mapping[str, float] = field(default_factory=dict)
    linear: tuple[LinearLimit, ...] = ()
    risk: Risk = "expected"
    worst_share: float = 0.1

    def __post_init__(self) -> None:
        """Refuse a risk or a share that there is none of."""
        _require_risk(self.risk, "constraints")
        if not 0 < self.worst_share <= 1:
            raise InputError(
                "worst share out of range",
                "constraints, worst_share",
                repr(self.worst_share),
                "a share of draws in (0, 1]",
                "divide percentages by 100",
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain record for JSON; empty if nothing is constrained."""
        return {
            name: _plain(value)
            for name, value in vars(self).items()
            if value != getattr(FREE, name)
        }


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [
            {key: part for key, part in vars(one).items() if part is not None}
            for one in value
        ]
    return dict(value) if isinstance(value, Mapping) else value


def parse_constraints(content: Mapping[str, Any], where: str) -> Constraints:
    """Constraints from what a TOML file holds.

    Args:
      content: keys of `Constraints`; `linear` a list of tables of `LinearLimit`.
      where: the file, for messages.

    Raises:
      InputError: naming the key that is unknown or has the wrong type.

    Example:
      >>> parse_constraints({"max_epochs": 4}, "limits.toml").max_epochs
      4
    """
    known = {one.name: one.name for one in fields(Constraints)}
    values = {}
    for name, value in content.items():
        _require(
            name in known,
            "unknown key",
            f"{where}, {name}",
            name,
            ", ".join(known),
            "correct the key or leave it out",
        )
        _require(
            _HAS_TYPE[name](value),
            "value of the wrong type",
            f"{where}, {name}",
            str(value),
            _TYPES[name],
            "write it so",
        )
        values[name] = value
    _require_risk(values.get("risk", "expected"), where)
    lines = tuple(
        _parse_line(line, f"{where}, [[linear]] number {number}")
        for number, line in enumerate(values.pop("linear", ()), 1)
    )
    return Constraints(**values, linear=lines)


def _require_risk(risk: str, where: str) -> None:
    _require(
        risk in get_args(Risk),
        "risk is not known",
        f"{where}, risk",
        repr(risk),
        " or ".join(get_args(Risk)),
        "choose one of these",
    )


def _parse_line(line: Any, where: str) -> LinearLimit:
    is_known = isinstance(line, Mapping) and set(line) <= {
        one.name for one in fields(LinearLimit)
    }
    _require(
        is_known
        and _is_numbers(line.get("shares"))
        and isinstance(line.get("name", ""), str)
        and all(_is_number(line[key]) for key in _ENDS & set(line)),
        "linear limit cannot be read",
        where,
        str(line),
        'name = "west", shares = { germanic = 1, romance = 1 }, and at_most = 0.6 or '
        "at_least = 0.2",
        "write it so",
    )
    shares = line["shares"]
    name = line.get("name") or " + ".join(
        family if weight == 1 else f"{weight:g} {family}"
        for family, weight in shares.items()
    )
    return LinearLimit(name, shares, line.get("at_most"), line.get("at_least"))


_ENDS = {"at_most", "at_least"}


def _is_number(value: Any) -> bool:
    # A bool is an int to Python, but no number to who wrote the file.
    return type(value) in (int, float)


def _is_numbers(value: Any) -> bool:
    return isinstance(value, Mapping) and all(map(_is_number, value.values()))


_HAS_TYPE: Mapping[str, Any] = {
    "lower": _is_numbers,
    "upper": _is_numbers,
    "max_epochs": lambda value: _is_number(value) or _is_numbers(value),
    "repeats": lambda value: isinstance(value, bool),
    "unique_tokens": _is_numbers,
    "linear": lambda value: isinstance(value, list),
    "risk": lambda value: isinstance(value, str),
    "worst_share": _is_number,
}
_TABLE = "a table of numbers by family, such as germanic = 0.3"
_TYPES = {
    "lower": _TABLE,
    "upper": _TABLE,
    "max_epochs": "a number, or a table of numbers by family",
    "repeats": "true or false",
    "unique_tokens": _TABLE,
    "linear": "tables [[linear]]",
    "risk": "a word in quotes",
    "worst_share": "a number",
}


def _require(is_right: bool, *parts: str) -> None:
    if not is_right:
        raise InputError(*parts)


# Nothing is constrained, and the mean loss counts.
FREE = Constraints()
