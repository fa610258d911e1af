"""What a set of runs cannot tell, whatever is fitted to it."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr

from bayeslaw.inference import provenance, spec_of

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
class DesignWarning:
    """One thing the runs of a table cannot tell.

    Attributes:
      code: stable name of the warning.
      found: what the table has.
      wanted: what would be enough.
      advice: what to do.
    """

    code: Code
    found: str
    wanted: str
    advice: str


def design_warnings(posterior: xr.DataTree) -> list[DesignWarning]:
    """Warnings about the runs a posterior was fitted to.

    Args:
      posterior: result of `fit`.

    Returns:
      warnings in a fixed order; empty if the design has none of the known faults.
    """
    rows = posterior["constant_data"].dataset
    record = provenance(posterior)
    law = spec_of(posterior).law_record
    counts_epochs = "epochs" in law.all_inputs
    return [
        *_ray(rows),
        *_levels(rows),
        *(_ratios(rows) if law.has_ratio else ()),
        *_seeds(rows, record),
        *(() if counts_epochs else _repeats(rows, record, has_ratio=law.has_ratio)),
    ]


def _ray(rows: xr.Dataset) -> Iterator[DesignWarning]:
    points = np.unique(np.log(np.stack([rows["N"].values, rows["D"].values])), axis=1)
    if points.shape[1] < 2 or np.ptp(points, axis=1).min() == 0:
        return
    correlation = np.corrcoef(points)[0, 1]
    if correlation > MAX_RAY_CORRELATION:
        yield DesignWarning(
            "single_ray",
            f"correlation of log N and log D {correlation:.3f}",
            f"<= {MAX_RAY_CORRELATION}",
            "A and B cannot be told apart when D grows with N: train some sizes on "
            "more and on fewer tokens",
        )


def _levels(rows: xr.Dataset) -> Iterator[DesignWarning]:
    code: Code
    for name, code, noun in (
        ("N", "few_sizes", "sizes N"),
        ("D", "few_token_counts", "token counts D"),
    ):
        n_levels = len(np.unique(rows[name]))
        if n_levels < MIN_LEVELS:
            yield DesignWarning(
                code,
                f"{n_levels} {noun}",
                f">= {MIN_LEVELS}",
                f"exponents rest on the prior: add runs at other {noun}",
            )


def _ratios(rows: xr.Dataset) -> Iterator[DesignWarning]:
    family, ratio = rows["family"].values, rows["p"].values
    levels = {name: len(np.unique(ratio[family == name])) for name in np.unique(family)}
    poor = [name for name, n_levels in levels.items() if n_levels < MIN_LEVELS]
    if poor:
        yield DesignWarning(
            "few_ratios",
            ", ".join(f"{name}: {levels[name]} ratios" for name in poor),
            f">= {MIN_LEVELS} ratios a family",
            "gamma of these families rests on the prior: add mixtures",
        )


def _seeds(rows: xr.Dataset, record: dict[str, Any]) -> Iterator[DesignWarning]:
    seeds: dict[tuple, set[str]] = defaultdict(set)
    for run, size in zip(rows["run"].values, rows["N"].values, strict=True):
        mixture = tuple(sorted(record["mixtures"][run].items()))
        seeds[size, mixture].add(record["seeds"][run])
    most = max(len(found) for found in seeds.values())
    if most < 2:
        yield DesignWarning(
            "no_seeds",
            f"{most} seed for every size and mixture",
            ">= 2 in some cell",
            "seed noise cannot be told from misfit: repeat a cheap run with new seeds",
        )


def _repeats(
    rows: xr.Dataset, record: dict[str, Any], *, has_ratio: bool
) -> Iterator[DesignWarning]:
    tokens = (rows["D"] * (rows["p"] if has_ratio else 1.0)).values
    epochs = {
        family: float(tokens[rows["family"].values == family].max() / unique)
        for family, unique in record["unique_tokens"].items()
    }
    repeated = {name: value for name, value in epochs.items() if value > MAX_EPOCHS}
    if repeated:
        yield DesignWarning(
            "repeated_data",
            ", ".join(
                f"{name}: {value:.1f} epochs" for name, value in repeated.items()
            ),
            f"<= {MAX_EPOCHS:.0f} epochs",
            "the law counts repeated tokens as fresh: it may be too hopeful there; "
            "models/repetition.toml fits what they are worth",
        )
