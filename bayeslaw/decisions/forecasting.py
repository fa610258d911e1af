"""Losses to expect at a target run, with intervals and how far they reach."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bayeslaw.checks import Extrapolation, check, extrapolation_of
from bayeslaw.decisions.target import mixture_array, require_counts
from bayeslaw.errors import InputError
from bayeslaw.inference import Fitted, Posterior, predict

LEVELS = {
    "lower_90": 0.05,
    "lower_50": 0.25,
    "median": 0.5,
    "upper_50": 0.75,
    "upper_90": 0.95,
}


@dataclass(frozen=True)
class LossInterval:
    """Median and central intervals of one loss.

    Attributes:
      lower_90: lower end of the 90 % interval.
      lower_50: lower end of the 50 % interval.
      median: median.
      upper_50: upper end of the 50 % interval.
      upper_90: upper end of the 90 % interval.
    """

    lower_90: float
    lower_50: float
    median: float
    upper_50: float
    upper_90: float


@dataclass(frozen=True)
class Forecast:
    """Losses of every family at one target run.

    Attributes:
      mixture: name of the mixture; empty where the law has no ratios.
      ratios: its sampling ratios, by family or source.
      N: non-embedding parameters of the target run.
      D: its training tokens.
      unit: unit of the losses.
      origin: origin of the rows behind the posterior.
      expected: by family, the loss the law expects: the mean over runs of any seed.
      new_run: by family, the loss of one new run; None if not asked for.
      extrapolation: how far the target lies from the runs.
      failed_checks: checks that the posterior fails.
    """

    mixture: str
    ratios: dict[str, float]
    N: float
    D: float
    unit: str
    origin: str
    expected: dict[str, LossInterval]
    new_run: dict[str, LossInterval] | None
    extrapolation: Extrapolation
    failed_checks: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain record for JSON."""
        record = asdict(self)
        record["extrapolation"]["label"] = self.extrapolation.label
        return record


def forecast(
    posterior: Posterior,
    *,
    N: float,
    D: float,
    mixtures: Mapping[str, Mapping[str, float]] | None = None,
    new_run: bool = False,
    seed: int = 0,
) -> list[Forecast]:
    """Predict the losses of a target run.

    Losses are those on the held-out text of the table. Tokens count as seen once, and
    the run as cooled.

    Args:
      posterior: result of `fit`.
      N: non-embedding parameters of the target run.
      D: its training tokens, in the table's token unit.
      mixtures: ratios by family, or by source for a law with transfer, by the name of
        the mixture; equal ratios if not given.
      new_run: whether to add what one run adds to the mean: its seed and its noise.
      seed: seed of that noise.

    Returns:
      one forecast for each mixture, in their order.

    Raises:
      InputError: a target or mixture is out of range or names no family.

    Example:
      >>> forecast(posterior, N=1e9, D=2e10)[0].expected["romance"].median
    """
    require_counts(N, D)
    fitted = Fitted.of(posterior)
    failed = tuple(one.name for one in check(fitted).failures)
    return [
        _one(fitted, N, D, name, ratios, new_run=new_run, seed=seed, failed=failed)
        for name, ratios in _mixtures(fitted, mixtures or {})
    ]


def _one(
    fitted: Fitted,
    N: float,
    D: float,
    name: str,
    ratios: dict[str, float],
    *,
    new_run: bool,
    seed: int,
    failed: tuple[str, ...],
) -> Forecast:
    inputs: dict[str, Any] = {"N": N, "D": D}
    if ratios:
        inputs["p"] = [list(ratios.values())]

    def intervals(draws: np.ndarray) -> dict[str, LossInterval]:
        ends = np.quantile(draws[:, 0], list(LEVELS.values()), axis=0)
        return {
            family: LossInterval(**dict(zip(LEVELS, map(float, column), strict=True)))
            for family, column in zip(fitted.families, ends.T, strict=True)
        }

    drawn = predict(fitted, new_run=True, seed=seed, **inputs) if new_run else None
    return Forecast(
        mixture=name,
        ratios=ratios,
        N=float(N),
        D=float(D),
        unit=fitted.unit,
        origin=fitted.origin,
        expected=intervals(predict(fitted, **inputs)),
        new_run=None if drawn is None else intervals(drawn),
        extrapolation=extrapolation_of(fitted, N=N, D=D, ratios=ratios),
        failed_checks=failed,
    )


def _mixtures(
    fitted: Fitted, given: Mapping[str, Mapping[str, float]]
) -> Iterator[tuple[str, dict[str, float]]]:
    """Name and ratios of each mixture, in the order that the law takes them."""
    law = fitted.law
    if not law.has_ratio:
        if given:
            raise InputError(
                "law has no sampling ratios",
                "mixture " + ", ".join(given),
                "ratios for " + ", ".join(next(iter(given.values()))),
                f"no mixture: {law.name} describes loss from N and D alone",
                "leave the mixture out, or fit a law with ratios",
            )
        yield "", {}
        return
    names = fitted.sources
    for name, ratios in given.items():
        where = f"mixture {name!r}"
        array = mixture_array(ratios, names, where, may_be_zero=fitted.has_transfer)
        yield name, dict(zip(names, array.tolist(), strict=True))
    if not given:
        yield "uniform", dict.fromkeys(names, 1 / len(names))
