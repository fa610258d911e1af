"""All checks of a posterior; a failed check blocks decisions."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr
from arviz_stats.sampling_diagnostics import bfmi, ess, rhat

from bayeslaw.checks.identifiability import identifiability_warnings
from bayeslaw.checks.posterior_predictive import predictive_checks
from bayeslaw.checks.power_scaling import sensitivity_check
from bayeslaw.checks.verdicts import Check, Checks
from bayeslaw.errors import FailedChecksError
from bayeslaw.inference import Fitted, Posterior

# Thresholds, apart from the logic that applies them.
MAX_RHAT = 1.01  # Vehtari et al. 2021
MIN_ESS = 400  # 100 a chain for 4 chains, Vehtari et al. 2021
MAX_DIVERGENT = 0.001  # 4 of 4000 deserve a look
FAIL_DIVERGENT = 0.01
MIN_BFMI = 0.3  # Betancourt 2016; Stan warns below it
MAX_AT_TREE_LIMIT = 0.01
PRIOR_OVERLAP = 0.75


def check(posterior: Posterior) -> Checks:
    """Check convergence, fit, priors and design of a posterior.

    Args:
      posterior: result of `fit`.

    Returns:
      the checks, convergence first.

    Example:
      >>> [c.name for c in check(posterior).failures]
      []
    """
    fitted = Fitted.of(posterior)
    return Checks(
        (
            *_convergence(fitted),
            *predictive_checks(fitted),
            *_prior_overlap(fitted),
            *sensitivity_check(fitted.tree),
            *_design(fitted),
        )
    )


def require_passed(
    posterior: Posterior, *, allow_failed_checks: bool = False
) -> Checks:
    """Check a posterior before a decision is made from it.

    Raises:
      FailedChecksError: a check failed and `allow_failed_checks` is False.
    """
    checks = check(posterior)
    if not checks.is_passed and not allow_failed_checks:
        raise FailedChecksError(
            "this posterior failed its checks, so no decision is made from it:\n"
            + "\n".join(f"  {failed.clause}" for failed in checks.failures)
            + "\nTo decide anyway, add --allow-failed-checks."
        )
    return checks


def _convergence(fitted: Fitted) -> Iterator[Check]:
    draws = fitted.posterior
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
        "the chains have not converged; fit again with larger --warmup and --draws; if "
        "R-hat stays high, the data do not identify this quantity: narrow its prior "
        "under [priors] in the model file",
        "Vehtari et al. 2021, arXiv 1903.08008",
    )
    for method, values in sizes.items():
        yield _extreme(
            f"{method} ESS",
            values,
            min,
            MIN_ESS,
            "too few effective draws for stable estimates; fit again with larger "
            "--draws",
            "Vehtari et al. 2021, arXiv 1903.08008",
        )
    yield from _sampler_checks(fitted)


def _by_quantity(values: xr.Dataset) -> dict[str, float]:
    """List every number under a name such as gamma[slavic]."""
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
    is_ok = value <= limit if worst is max else value >= limit
    shown = f"{value:.3f}" if worst is max else f"{value:.0f}"
    return Check(
        name,
        f"worst {shown} ({quantity})",
        f"{'at most' if worst is max else 'at least'} {limit}",
        "ok" if is_ok else "fail",
        advice,
        source,
    )


def _sampler_checks(fitted: Fitted) -> Iterator[Check]:
    statistics = fitted.tree["sample_stats"].dataset
    diverging = statistics["diverging"].values
    share = diverging.mean()
    yield Check(
        "divergences",
        f"{diverging.sum()} of {diverging.size}",
        f"at most {MAX_DIVERGENT:.1%}; fails above {FAIL_DIVERGENT:.0%}",
        "ok"
        if share <= MAX_DIVERGENT
        else "warn"
        if share <= FAIL_DIVERGENT
        else "fail",
        "the sampler may miss part of the posterior; fit again with --target-accept "
        "0.98 or 0.99; if divergences remain, narrow the priors of parameters that "
        "the data do not identify, under [priors] in the model file",
        "Betancourt 2017, arXiv 1701.02434",
    )
    saturated = statistics["at_tree_limit"].values.mean()
    yield Check(
        "warm-up at the tree limit",
        f"{saturated:.2%}",
        f"at most {MAX_AT_TREE_LIMIT:.0%}",
        "ok" if saturated <= MAX_AT_TREE_LIMIT else "warn",
        "the posterior is long and narrow, so warm-up stopped before its trajectories "
        "turned; fit again with larger --max-tree-depth",
        "Stan reference manual",
    )
    lowest = np.asarray(bfmi(fitted.tree)["energy"]).min()
    yield Check(
        "E-BFMI",
        f"lowest {lowest:.2f}",
        f"at least {MIN_BFMI}",
        "ok" if lowest >= MIN_BFMI else "fail",
        "the posterior has heavy tails or a funnel that the chains explore poorly; "
        "narrow the priors under [priors], or change [pooling], in the model file",
        "Betancourt 2016, arXiv 1604.00695",
    )


def _prior_overlap(fitted: Fitted) -> Iterator[Check]:
    draws, prior = fitted.posterior, fitted.tree["prior"].dataset
    overlaps = {
        name: _overlap(prior[name].values.ravel(), draws[name].values.ravel())
        for name in draws.data_vars
        if draws[name].ndim == 2
    }
    driven = [name for name, value in overlaps.items() if value > PRIOR_OVERLAP]
    yield Check(
        "prior-posterior overlap",
        ", ".join(f"{name} {overlaps[name]:.2f}" for name in driven)
        or "no parameter above the limit",
        f"at most {PRIOR_OVERLAP}",
        "note" if driven else "ok",
        "the data barely inform these parameters; their posterior is mostly the prior"
        if driven
        else "",
        "overlap coefficient; 1 = identical distributions",
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


def _design(fitted: Fitted) -> Iterator[Check]:
    warnings = identifiability_warnings(fitted)
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
