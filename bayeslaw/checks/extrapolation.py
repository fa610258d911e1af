"""How far a target run lies from the runs that a posterior was fitted to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from bayeslaw.checks.identifiability import Code, DesignWarning
from bayeslaw.inference import provenance

INSIDE = "inside the runs' range"
# Ratios of a target are compared with those of the table, which may be rounded.
RATIO_SLACK = 1e-6


@dataclass(frozen=True)
class Extrapolation:
    """How far the target lies from the runs.

    Attributes:
      N_factor: target size over the largest size in the table.
      D_factor: target tokens over the most tokens in the table.
      outside_ratios: families whose share at the target no run has tried.
      warnings: one for each way in which the target lies outside the runs.
    """

    N_factor: float
    D_factor: float
    outside_ratios: tuple[str, ...]
    warnings: tuple[DesignWarning, ...] = ()

    @property
    def label(self) -> str:
        """The same in words, such as "N 3.2x beyond the largest run"."""
        return "; ".join(warning.found for warning in self.warnings) or INSIDE


def extrapolation_of(
    posterior: xr.DataTree,
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
      factors beyond the largest run, and typed warnings, none if all is inside.

    Example:
      >>> extrapolation_of(posterior, N=1e9, D=2e10).label
      'N 3.2x beyond the largest run; D 2x beyond the longest run'
    """
    rows = posterior["constant_data"].dataset
    sizes, tokens = rows["N"].values, rows["D"].values
    wanted = ratios or {}
    outside = {
        name: (low, high)
        for name, (low, high) in tried_ratios(posterior).items()
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


def tried_ratios(posterior: xr.DataTree) -> dict[str, tuple[float, float]]:
    """Smallest and largest ratio in the fitted rows of each family; NaN without any.

    Text without a loss of its own is known by the mixtures of the runs.
    """
    rows, record = posterior["constant_data"].dataset, provenance(posterior)
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
        for name in posterior["posterior"].dataset["family"].values.tolist()
    }


def _beyond(
    code: Code, symbol: str, value: float, tried: np.ndarray, ends: tuple[str, str]
) -> Iterator[DesignWarning]:
    low, high = float(tried.min()), float(tried.max())
    if low <= value <= high:
        return
    over = value > high
    factor = value / high if over else low / value
    yield DesignWarning(
        code,
        f"{symbol} {factor:.3g}x {'beyond' if over else 'below'} the "
        f"{ends[0] if over else ends[1]} run",
        f"{symbol} between {low:.3g} and {high:.3g}",
        "outside the runs the form of the law decides: add a run nearer to the "
        "target, and compare laws on the largest runs left out",
    )


def _untried(outside: Mapping[str, tuple[float, float]]) -> Iterator[DesignWarning]:
    if outside:
        yield DesignWarning(
            "untried_ratio",
            "no run tried this ratio of " + ", ".join(outside),
            ", ".join(
                f"{name} {low:.3g} to {high:.3g}"
                for name, (low, high) in outside.items()
            ),
            "add a run with such a ratio, or keep to ratios that were tried",
        )
