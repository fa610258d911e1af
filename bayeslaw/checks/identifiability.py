"""What the design of a set of runs cannot identify, whatever model is fitted."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr

from bayeslaw.inference import Fitted, Posterior

Code = Literal[
    "single_ray",
    "few_sizes",
    "few_token_counts",
    "few_ratios",
    "no_seeds",
    "repeated_data",
    # Of a target run, see `extrapolation`.
    "extrapolated_size",
    "extrapolated_tokens",
    "untried_ratio",
]

MIN_LEVELS = 3
MAX_RAY_CORRELATION = 0.98
# Up to about 4 epochs repeated tokens are worth nearly as much as fresh ones
# (Muennighoff et al. 2023, arXiv 2305.16264).
MAX_EPOCHS = 4.0


@dataclass(frozen=True)
class IdentifiabilityWarning:
    """One thing that the runs of a table cannot identify.

    Attributes:
      code: stable name of the warning.
      found: what the table has.
      wanted: what would suffice.
      advice: the consequence and what to do.
    """

    code: Code
    found: str
    wanted: str
    advice: str


def identifiability_warnings(posterior: Posterior) -> list[IdentifiabilityWarning]:
    """Warnings about the runs a posterior was fitted to.

    Args:
      posterior: result of `fit`.

    Returns:
      warnings in a fixed order; empty if the design has none of the known weaknesses.
    """
    fitted = Fitted.of(posterior)
    rows, record, law = fitted.rows, fitted.record, fitted.law
    counts_epochs = "epochs" in law.all_inputs
    return [
        *_ray(rows),
        *_levels(rows),
        *(_ratios(rows) if law.has_ratio else ()),
        *_seeds(rows, record),
        *(() if counts_epochs else _repeats(rows, record, has_ratio=law.has_ratio)),
    ]


def _ray(rows: xr.Dataset) -> Iterator[IdentifiabilityWarning]:
    points = np.unique(np.log(np.stack([rows["N"].values, rows["D"].values])), axis=1)
    if points.shape[1] < 2 or np.ptp(points, axis=1).min() == 0:
        return
    correlation = np.corrcoef(points)[0, 1]
    if correlation > MAX_RAY_CORRELATION:
        yield IdentifiabilityWarning(
            "single_ray",
            f"correlation of log N and log D {correlation:.3f}",
            f"at most {MAX_RAY_CORRELATION}",
            "the data cannot separate A from B because D grows with N; train some "
            "sizes on more tokens and on fewer",
        )


def _levels(rows: xr.Dataset) -> Iterator[IdentifiabilityWarning]:
    code: Code
    for name, code, noun in (
        ("N", "few_sizes", "sizes N"),
        ("D", "few_token_counts", "token counts D"),
    ):
        n_levels = len(np.unique(rows[name]))
        if n_levels < MIN_LEVELS:
            yield IdentifiabilityWarning(
                code,
                f"{n_levels} {noun}",
                f"at least {MIN_LEVELS}",
                f"the exponents depend on the prior; add runs at other {noun}",
            )


def _ratios(rows: xr.Dataset) -> Iterator[IdentifiabilityWarning]:
    family, ratio = rows["family"].values, rows["p"].values
    levels = {name: len(np.unique(ratio[family == name])) for name in np.unique(family)}
    poor = [name for name, n_levels in levels.items() if n_levels < MIN_LEVELS]
    if poor:
        yield IdentifiabilityWarning(
            "few_ratios",
            ", ".join(f"{name}: {levels[name]} ratios" for name in poor),
            f"at least {MIN_LEVELS} ratios per family",
            "gamma of these families depends on the prior; add runs with other "
            "mixtures",
        )


def _seeds(
    rows: xr.Dataset, record: dict[str, Any]
) -> Iterator[IdentifiabilityWarning]:
    seeds: dict[tuple, set[str]] = defaultdict(set)
    for run, size in zip(rows["run"].values, rows["N"].values, strict=True):
        mixture = tuple(sorted(record["mixtures"][run].items()))
        seeds[size, mixture].add(record["seeds"][run])
    most = max(len(found) for found in seeds.values())
    if most < 2:
        yield IdentifiabilityWarning(
            "no_seeds",
            f"{most} seed for every size and mixture",
            "at least 2 seeds for some size and mixture",
            "seed noise cannot be separated from misfit; repeat a cheap run with "
            "another seed",
        )


def _repeats(
    rows: xr.Dataset, record: dict[str, Any], *, has_ratio: bool
) -> Iterator[IdentifiabilityWarning]:
    tokens = (rows["D"] * (rows["p"] if has_ratio else 1.0)).values
    epochs = {
        family: float(tokens[rows["family"].values == family].max() / unique)
        for family, unique in record["unique_tokens"].items()
    }
    repeated = {name: value for name, value in epochs.items() if value > MAX_EPOCHS}
    if repeated:
        yield IdentifiabilityWarning(
            "repeated_data",
            ", ".join(
                f"{name}: {value:.1f} epochs" for name, value in repeated.items()
            ),
            f"at most {MAX_EPOCHS:.0f} epochs",
            "the law counts repeated tokens as new and may be too optimistic there; "
            "fit with --model repetition to estimate their worth",
        )
