"""How far a target run lies outside the runs that a posterior was fitted to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from bayeslaw.checks.identifiability import Code, IdentifiabilityWarning
from bayeslaw.inference import Fitted, Posterior

INSIDE = "within the range of the runs"
# Ratios of a target are compared with those of the table, which may be rounded.
RATIO_SLACK = 1e-6


@dataclass(frozen=True)
class Extrapolation:
    """How far a target run lies outside the fitted runs.

    Attributes:
      N_factor: target size over the largest size in the table.
      D_factor: target tokens over the most tokens in the table.
      outside_ratios: families whose ratio at the target lies outside those of the runs.
      warnings: one for each way in which the target lies outside the runs.
    """

    N_factor: float
    D_factor: float
    outside_ratios: tuple[str, ...]
    warnings: tuple[IdentifiabilityWarning, ...] = ()

    @property
    def label(self) -> str:
        """The same in words, such as "N is 3.2 times that of the largest run"."""
        return "; ".join(warning.found for warning in self.warnings) or INSIDE


def extrapolation_of(
    posterior: Posterior,
    *,
    N: float,
    D: float,
    ratios: Mapping[str, float] | None = None,
) -> Extrapolation:
    """Compare a target run with the rows a posterior was fitted to.

    Args:
      posterior: result of `fit`.
      N: non-embedding parameters of the target run.
      D: its training tokens.
      ratios: its sampling ratios by family; None where the law has none.

    Returns:
      factors relative to the largest run, and typed warnings; no warning if the target
      lies within the range of the runs.

    Example:
      >>> extrapolation_of(posterior, N=1e9, D=2e10).label
      'N is 3.2 times that of the largest run; D is 2 times that of the longest run'
    """
    fitted = Fitted.of(posterior)
    rows = fitted.rows
    sizes, tokens = rows["N"].values, rows["D"].values
    wanted = ratios or {}
    outside = {
        name: (low, high)
        for name, (low, high) in tried_ratios(fitted).items()
        if name in wanted
        and not low * (1 - RATIO_SLACK) <= wanted[name] <= high * (1 + RATIO_SLACK)
    }
    return Extrapolation(
        N_factor=float(N / sizes.max()),
        D_factor=float(D / tokens.max()),
        outside_ratios=tuple(outside),
        warnings=(
            *_beyond("extrapolated_size", "N", N, sizes, ("largest", "smallest")),
            *_beyond("extrapolated_tokens", "D", D, tokens, ("longest", "shortest")),
            *_untried(outside),
        ),
    )


def tried_ratios(posterior: Posterior) -> dict[str, tuple[float, float]]:
    """Find the smallest and largest ratio of each family in the fitted rows.

    NaN without ratios. Text without a loss of its own is taken from the mixtures.
    """
    fitted = Fitted.of(posterior)
    rows, record = fitted.rows, fitted.record
    family, p = rows["family"].values, rows["p"].values
    mixtures = record["mixtures"].values()
    others = {
        name: [mixture.get(name, 0.0) for mixture in mixtures]
        for name in record["sources"]
        if name not in set(family)
    }
    tried = {name: (min(ratios), max(ratios)) for name, ratios in others.items()}
    return tried | {
        name: (float(p[family == name].min()), float(p[family == name].max()))
        for name in fitted.families
    }


def _beyond(
    code: Code, symbol: str, value: float, tried: np.ndarray, ends: tuple[str, str]
) -> Iterator[IdentifiabilityWarning]:
    low, high = float(tried.min()), float(tried.max())
    if low <= value <= high:
        return
    over = value > high
    factor = value / high if over else low / value
    yield IdentifiabilityWarning(
        code,
        f"{symbol} is {factor:.3g} times that of the {ends[0]} run"
        if over
        else f"{symbol} is {factor:.3g} times smaller than in the {ends[1]} run",
        f"{symbol} between {low:.3g} and {high:.3g}",
        "outside the runs the prediction depends on the form of the law; add a run "
        "closer to the target, and see which law predicts the largest runs "
        "(`bayeslaw compare`)",
    )


def _untried(
    outside: Mapping[str, tuple[float, float]],
) -> Iterator[IdentifiabilityWarning]:
    if outside:
        yield IdentifiabilityWarning(
            "untried_ratio",
            "no run has a ratio like the target's of " + ", ".join(outside),
            ", ".join(
                f"{name} {low:.3g} to {high:.3g}"
                for name, (low, high) in outside.items()
            ),
            "add a run with such a ratio, or keep the target within the ratios tried",
        )
