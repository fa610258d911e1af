"""Checks of a posterior; a failed one blocks decisions."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr
from arviz_stats.sampling_diagnostics import bfmi, ess, rhat

from bayeslaw.checks.identifiability import design_warnings
from bayeslaw.checks.posterior_predictive import predictive_checks
from bayeslaw.checks.power_scaling import sensitivity_check
from bayeslaw.checks.verdicts import Check, Checks
from bayeslaw.errors import FailedChecksError

# Thresholds, apart from the logic that applies them.
MAX_RHAT = 1.01  # Vehtari et al. 2021
MIN_ESS = 400  # 100 a chain for 4 chains, Vehtari et al. 2021
MAX_DIVERGENT = 0.001  # 4 of 4000 already ask for a look
FAIL_DIVERGENT = 0.01
MIN_BFMI = 0.3  # Betancourt 2016; Stan warns below it
MAX_AT_TREE_LIMIT = 0.01
PRIOR_OVERLAP = 0.75


def check(posterior: xr.DataTree) -> Checks:
    """Check convergence, fit and design of a posterior.

    Args:
      posterior: result of `fit`.

    Returns:
      the checks, convergence first.

    Example:
      >>> [c.name for c in check(posterior).failures]
      []
    """
    return Checks(
        (
            *_convergence(posterior),
            *predictive_checks(posterior),
            *_prior_overlap(posterior),
            *sensitivity_check(posterior),
            *_design(posterior),
        )
    )


def require_passed(
    posterior: xr.DataTree, *, allow_failed_checks: bool = False
) -> Checks:
    """Check a posterior before a decision is made from it.

    Raises:
      FailedChecksError: a check failed and the caller did not allow it.
    """
    checks = check(posterior)
    if not checks.is_passed and not allow_failed_checks:
        raise FailedChecksError(
            "this posterior failed its checks and gives no decision:\n"
            + "\n".join(
                f"  {failed.name}: {failed.value} (wanted {failed.threshold}); "
                f"{failed.advice}"
                for failed in checks.failures
            )
            + "\nTo decide all the same: --allow-failed-checks"
        )
    return checks


def _convergence(posterior: xr.DataTree) -> Iterator[Check]:
    draws = posterior["posterior"].dataset
    # Not drawn by the chains, or a function of what is, partly constant.
    draws = draws.drop_vars(["held_out_offset", "transfer"], errors="ignore")
    with np.errstate(invalid="ignore", divide="ignore"):  # a draw that never moves
        potential_scale = _by_quantity(rhat(draws))
        sizes = {
            method: _by_quantity(ess(draws, method=method))
            for method in ("bulk", "tail")
        }
    yield _extreme(
        "R-hat",
        potential_scale,
        max,
        MAX_RHAT,
        "run longer (--warmup, --draws); if it stays, the data do not identify it",
        "Vehtari et al. 2021, arXiv 1903.08008",
    )
    for method, values in sizes.items():
        yield _extreme(
            f"{method} ESS",
            values,
            min,
            MIN_ESS,
            "draw more (--draws)",
            "Vehtari et al. 2021, arXiv 1903.08008",
        )
    yield from _sampler_checks(posterior)


def _by_quantity(values: xr.Dataset) -> dict[str, float]:
    """Every single number by its name, such as gamma[slavic]."""
    found = {}
    for name, array in values.data_vars.items():
        labels = [array.coords[axis].values.tolist() for axis in array.dims]
        for index in np.ndindex(array.shape):
            keys = [str(names[i]) for names, i in zip(labels, index, strict=True)]
            label = f"{name}[{', '.join(keys)}]" if keys else str(name)
            found[label] = float(array.values[index])
    return found


def _extreme(
    name: str,
    values: dict[str, float],
    worst: Any,
    limit: float,
    advice: str,
    source: str,
) -> Check:
    # A constant or non-finite draw gives NaN, which must count as the worst.
    bad = [key for key, value in values.items() if not np.isfinite(value)]
    quantity = bad[0] if bad else worst(values, key=lambda key: values[key])
    value = values[quantity]
    sign, is_ok = ("<=", value <= limit) if worst is max else (">=", value >= limit)
    shown = f"{value:.3f}" if worst is max else f"{value:.0f}"
    return Check(
        name,
        f"worst {shown} ({quantity})",
        f"{sign} {limit}",
        "ok" if is_ok else "fail",
        advice,
        source,
    )


def _sampler_checks(posterior: xr.DataTree) -> Iterator[Check]:
    statistics = posterior["sample_stats"].dataset
    diverging = statistics["diverging"].values
    share = diverging.mean()
    yield Check(
        "divergences",
        f"{diverging.sum()} of {diverging.size}",
        f"<= {MAX_DIVERGENT:.1%} (fails above {FAIL_DIVERGENT:.0%})",
        "ok"
        if share <= MAX_DIVERGENT
        else "warn"
        if share <= FAIL_DIVERGENT
        else "fail",
        "raise --target-accept to 0.98 or 0.99; look for unidentified parameters",
        "Betancourt 2017, arXiv 1701.02434",
    )
    saturated = statistics["at_tree_limit"].values.mean()
    yield Check(
        "warm-up at the tree limit",
        f"{saturated:.2%}",
        f"<= {MAX_AT_TREE_LIMIT:.0%}",
        "ok" if saturated <= MAX_AT_TREE_LIMIT else "warn",
        "raise --max-tree-depth; the posterior is long and narrow",
        "Stan reference manual",
    )
    lowest = np.asarray(bfmi(posterior)["energy"]).min()
    yield Check(
        "E-BFMI",
        f"lowest {lowest:.2f}",
        f">= {MIN_BFMI}",
        "ok" if lowest >= MIN_BFMI else "fail",
        "heavy tails or a funnel: use tighter priors or other pooling",
        "Betancourt 2016, arXiv 1604.00695",
    )


def _prior_overlap(posterior: xr.DataTree) -> Iterator[Check]:
    draws, prior = posterior["posterior"].dataset, posterior["prior"].dataset
    overlaps = {
        name: _overlap(prior[name].values.ravel(), draws[name].values.ravel())
        for name in draws.data_vars
        if draws[name].ndim == 2
    }
    driven = [name for name, value in overlaps.items() if value > PRIOR_OVERLAP]
    yield Check(
        "prior-posterior overlap",
        ", ".join(f"{name} {overlaps[name]:.2f}" for name in driven)
        or "no parameter above the threshold",
        f"<= {PRIOR_OVERLAP}",
        "note" if driven else "ok",
        "the data hardly spoke about these: what you read of them is mostly prior"
        if driven
        else "",
        "overlap coefficient, 1 = identical",
    )


def _overlap(first: np.ndarray, second: np.ndarray) -> float:
    # Bins of equal prior probability: the same resolution whatever the scale or skew.
    edges = np.unique(np.quantile(first, np.linspace(0, 1, 41)[1:-1]))
    shares = [
        np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1)
        / len(values)
        for values in (first, second)
    ]
    return float(np.minimum(*shares).sum())


def _design(posterior: xr.DataTree) -> Iterator[Check]:
    warnings = design_warnings(posterior)
    for warning in warnings:
        yield Check(
            f"design: {warning.code}",
            warning.found,
            warning.wanted,
            "warn",
            warning.advice,
            "docs/explanation/not-modelled",
        )
    if not warnings:
        yield Check("design", "no warning", "", "ok", "", "")
