"""Convert the priors of a model file to priors of a law's coordinates.

A prior is stated as a distribution or as two quantiles, of a coordinate (`drift`) or,
if the coordinate is a logarithm, of the paper's parameter (`gamma` for `log_gamma`).
"""

import difflib
import math
import re
from collections.abc import Mapping
from statistics import NormalDist
from typing import Any

from bayeslaw.errors import InputError, InputErrors
from bayeslaw.laws import Law, gamma_of_quantiles

# Distributions and their keys: of a coordinate, of what is positive, of nu.
KEYS = {
    "normal": ("loc", "scale"),
    "lognormal": ("median", "log_scale"),
    "gamma": ("shape", "rate"),
}
ALL_KEYS = {name for names in KEYS.values() for name in names}
# q05 is the 5 % quantile, q975 the 97.5 % quantile. One digit could mean either.
QUANTILE = re.compile(r"q(\d{2,3})")
NOISE_KINDS = {"sigma": "lognormal", "run_sd": "lognormal", "nu": "gamma"}
POSITIVE = {*ALL_KEYS, "spread"} - {"loc"}
EXAMPLES = {
    "normal": "loc = 0.0 and scale = 0.1, or two quantiles such as q05 = -0.2 and "
    "q95 = 0.2",
    "lognormal": "median = 0.1 and log_scale = 0.5, or two quantiles such as "
    "q05 = 0.03 and q95 = 0.3",
    "gamma": "shape = 2.0 and rate = 0.1, or two quantiles such as q05 = 3.5 and "
    "q95 = 47.0",
}


def coordinate_priors(stated: Any, law: Law, where: str) -> dict[str, dict[str, float]]:
    """Read the priors of coordinates from the section [priors] of a model file.

    Args:
      stated: for each name distribution, loc and scale, median and log_scale, or two
        quantiles (q05, q95, ...), all of the mean over families, and `spread`. Priors
        that are not stated are those of the law.
      law: the law with its extensions.
      where: the file, for error messages.

    Returns:
      loc, scale and spread by coordinate, see `GroupPrior`.

    Raises:
      InputErrors: every unknown, wrong, missing or contradictory entry.

    Example:
      >>> coordinate_priors({"drift": {"q05": -0.1, "q95": 0.1}}, law, "model.toml")
      {'drift': {'loc': 0.0, 'scale': 0.0608, 'spread': 0.1}}
    """
    found: dict[str, dict[str, float]] = {}
    stated_as: dict[str, str] = {}
    errors: list[InputError] = []
    for name, entry in _table(stated, f"{where}, section [priors]").items():
        key = f"{where}, key priors.{name}"
        try:
            coordinate = _coordinate(name, law, where)
            if coordinate in found:
                raise _stated_twice(stated_as[coordinate], name, key)
            found[coordinate] = _group_prior(name, coordinate, entry, law, key)
            stated_as[coordinate] = name
        except InputErrors as several:
            errors += several.errors
        except InputError as error:
            errors.append(error)
    if errors:
        raise InputErrors(errors, where)
    return found


def noise_priors(noise: Any, where: str) -> Any:
    """Convert quantiles in the section [noise] to parameters of the priors.

    These are median and log_scale of sigma and run_sd, shape and rate of nu.

    Args:
      noise: content of the section.
      where: the file, for error messages.

    Raises:
      InputErrors: quantiles are wrong or contradict another statement.
    """
    if not isinstance(noise, Mapping):
        return noise
    found = dict(noise)
    for name, kind in NOISE_KINDS.items():
        entry = found.get(name)
        if not isinstance(entry, Mapping):
            continue
        if "distribution" in entry or any(map(QUANTILE.fullmatch, entry)):
            key = f"{where}, key noise.{name}"
            numbers = _prior_numbers(entry, kind, key, others=())
            first, second = _parameters(numbers, entry, kind, key)
            if set(numbers) != set(KEYS[kind]):
                first = math.exp(first) if kind == "lognormal" else first
                numbers = dict(zip(KEYS[kind], (first, second), strict=True))
            found[name] = numbers
    return found


def natural_names(law: Law) -> dict[str, str]:
    """Coordinate of every positive parameter that has its own coordinate, by name."""
    return {
        name.removeprefix("log_"): name
        for name in law.coordinates
        if name.startswith("log_")
    }


def _coordinate(name: str, law: Law, where: str) -> str:
    natural = natural_names(law)
    if name in law.coordinates:
        return name
    if name in natural:
        return natural[name]
    known = [*natural, *law.coordinates]
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
    fix = f"did you mean {nearest}?"
    if name in ("E", "A", "B"):
        fix = (
            "E, A and B follow from level, odds_N and odds_D; set priors of these "
            "instead (docs/how-to/set-priors)"
        )
    if name in NOISE_KINDS:
        fix = f"it is a noise parameter: write [noise.{name}], not [priors.{name}]"
    raise InputError(
        "unknown name",
        f"{where}, section [priors]",
        name,
        "one of " + ", ".join(known),
        fix,
    )


def _group_prior(
    name: str, coordinate: str, entry: Any, law: Law, key: str
) -> dict[str, float]:
    """loc, scale and spread of one coordinate."""
    kind = "normal" if name in law.coordinates else "lognormal"
    default = law.coordinates[coordinate].prior
    table = _table(entry, key)
    numbers = _prior_numbers(table, kind, key, others=("spread",))
    spread = numbers.pop("spread", default.spread)
    loc, scale = default.loc, default.scale
    if numbers or "distribution" in table:
        loc, scale = _parameters(numbers, table, kind, key)
    return {"loc": loc, "scale": scale, "spread": spread}


def _table(value: Any, where: str) -> Mapping[str, Any]:
    if isinstance(value, Mapping) and value:
        return value
    if isinstance(value, Mapping) and "section" in where:
        return {}
    raise InputError(
        "the prior is not a table",
        where,
        repr(value),
        "a table such as [priors.gamma] with lines q05 = 0.03 and q95 = 0.3",
        "write one table per parameter",
    )


def _prior_numbers(
    entry: Mapping[str, Any], kind: str, key: str, others: tuple[str, ...]
) -> dict[str, float]:
    """The numbers of an entry, every key known and every value in its range."""
    all_keys = {"distribution", *ALL_KEYS, *others}
    errors, numbers = [], {}
    for name, value in entry.items():
        quantile = QUANTILE.fullmatch(name)
        if name not in all_keys and not (quantile and int(quantile[1])):
            errors.append(_unknown_key(name, value, kind, key, others))
        elif name != "distribution":
            is_positive = name in POSITIVE or (bool(quantile) and kind != "normal")
            wanted = "a finite number" + (" greater than 0" if is_positive else "")
            # A bool is an int to Python, but no number to who wrote the file.
            is_number = type(value) in (int, float) and math.isfinite(value)
            if not is_number or (is_positive and value <= 0):
                errors.append(
                    InputError(
                        "prior out of range",
                        f"{key}.{name}",
                        repr(value),
                        wanted,
                        "correct the value",
                    )
                )
            else:
                numbers[name] = float(value)
    if errors:
        raise InputErrors(errors, key.split(",")[0])
    return numbers


def _unknown_key(
    name: str, value: Any, kind: str, key: str, others: tuple[str, ...]
) -> InputError:
    return InputError(
        "unknown key of a prior",
        f"{key}.{name}",
        repr(value),
        ", ".join(["distribution", *KEYS[kind], "two quantiles", *others]),
        "write quantiles as q05, q50, q95 or q975"
        if name.startswith(("q", "0"))
        else "correct or remove the key",
    )


def _parameters(
    numbers: dict[str, float], entry: Mapping[str, Any], kind: str, key: str
) -> tuple[float, float]:
    """The two parameters of a distribution, from these or from two quantiles.

    They are mean and sd of the coordinate, which is a logarithm for a LogNormal, and
    shape and rate of a Gamma.
    """
    _require_one_statement(numbers, entry, kind, key)
    if set(numbers) == set(KEYS[kind]):
        first, second = (numbers[name] for name in KEYS[kind])
        return math.log(first) if kind == "lognormal" else first, second
    # "q025" is 0.025: the digits after the point.
    (lower, low), (upper, high) = sorted(
        (float(f"0.{name[1:]}"), value) for name, value in numbers.items()
    )
    if not low < high:
        raise InputError(
            "quantiles of a prior do not increase",
            key,
            _shown(entry),
            f"a value at {upper:g} above that at {lower:g}",
            "swap the two values, or correct them",
        )
    if kind == "gamma":
        try:
            return gamma_of_quantiles(lower, low, upper, high)
        except ValueError:
            raise InputError(
                "no Gamma distribution has these quantiles",
                key,
                _shown(entry),
                EXAMPLES[kind],
                "choose quantiles that are less close together or less far apart",
            ) from None
    if kind == "lognormal":
        low, high = math.log(low), math.log(high)
    z_lower, z_upper = map(NormalDist().inv_cdf, (lower, upper))
    scale = (high - low) / (z_upper - z_lower)
    return low - scale * z_lower, scale


def _require_one_statement(
    numbers: dict[str, float], entry: Mapping[str, Any], kind: str, key: str
) -> None:
    """A distribution with both its keys, or two quantiles, and of the right kind."""
    named = entry.get("distribution", kind)
    is_distribution = set(numbers) == set(KEYS[kind])
    quantiles = {float(f"0.{n[1:]}") for n in numbers if QUANTILE.fullmatch(n)}
    are_quantiles = len(numbers) == len(quantiles) == 2
    if named == kind and (is_distribution or are_quantiles):
        return
    is_other = named != kind or set(numbers) & (ALL_KEYS - {*KEYS[kind]})
    reason = {
        "normal": "this coordinate may be negative, so its prior is a Normal",
        "lognormal": "this parameter is positive, so its prior is a LogNormal",
        "gamma": "the prior of degrees of freedom is a Gamma",
    }
    raise InputError(
        "prior is stated twice or incompletely",
        key,
        _shown(entry),
        EXAMPLES[kind],
        reason[kind] if is_other else "state either the distribution or two quantiles",
    )


def _stated_twice(first: str, second: str, key: str) -> InputError:
    return InputError(
        "prior is stated twice",
        key,
        f"[priors.{first}] and [priors.{second}]",
        "one of them: they are the same coordinate, the second on the log scale"
        if second.startswith("log_")
        else "one of them: they are the same coordinate, the first on the log scale",
        f"remove [priors.{first}] or [priors.{second}]",
    )


def _shown(entry: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value!r}" for name, value in entry.items())
