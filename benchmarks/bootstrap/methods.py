"""Three ways to predict the log loss at the target with intervals."""

import itertools
from collections.abc import Callable
from math import hypot, log
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import optimize, special, stats

from bayeslaw import check, fit, predict
from bayeslaw.checks import sensitivities
from bayeslaw.data.losses import table_from_rows
from bayeslaw.model.spec import ModelSpec, PriorOverride, read_spec
from benchmarks.bootstrap.tables import (
    TARGET,
    TRUTHS,
    Table,
    at_target,
    design,
    log_law,
    log_law_gradient,
)

MODEL = Path(__file__).parents[2] / "models/chinchilla.toml"
HUBER = 1e-3  # width of the quadratic part, in log loss
RESAMPLES = 200
EXPONENTS = {"alpha[all]", "beta[all]"}
# Quantiles that end the 90 % and the 50 % interval.
ENDS = (0.05, 0.25, 0.75, 0.95)


class Answer(NamedTuple):
    """What one method says of one table.

    Attributes:
      point: log loss at the target.
      ends: ends of its intervals, see `ENDS`.
      counts: numbers that add up over tables, such as failed checks.
    """

    point: float
    ends: np.ndarray
    counts: dict[str, int]


def bootstrap(arm: str, table: Table, seed: int) -> Answer:
    """Best Huber fit of several starts; percentiles of fits to resampled runs."""
    target, level = at_target(design(arm)), np.median(table.y)
    starts = [
        np.array([level + log(w), *2 * [level + log((1 - w) / 2)], alpha, beta])
        for w, alpha, beta in itertools.product((0.3, 0.6, 0.9), *2 * [(0.2, 0.5)])
    ]
    fits = [huber_fit(table, start) for start in starts]
    best = min(fits, key=lambda fit: fit.fun).x
    rng, n = np.random.default_rng(seed), len(table.y)
    drawn = []
    for _ in range(RESAMPLES):
        rows = rng.integers(n, size=n)
        refit = huber_fit(Table(table.x[:, rows], table.y[rows]), best)
        drawn.append(log_law(refit.x, target))
    return Answer(log_law(best, target), np.quantile(drawn, ENDS), {})


def huber_fit(table: Table, start: np.ndarray) -> optimize.OptimizeResult:
    """Minimise the Huber loss of log losses, in centred coordinates by BFGS."""

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
        error = log_law(theta, table.x) - table.y
        slope = np.clip(error / HUBER, -1, 1)
        loss = special.huber(HUBER, error).sum() / HUBER
        return loss, log_law_gradient(theta, table.x) @ slope

    return optimize.minimize(objective, start, jac=True, method="BFGS")


def delta(arm: str, table: Table, seed: int) -> Answer:
    """Least squares of log losses; Student-t interval from the linearised law."""
    target, level = at_target(design(arm)), np.median(table.y)
    start = np.array([level + log(0.6), *2 * [level + log(0.2)], 0.35, 0.35])
    found = optimize.least_squares(
        lambda theta: log_law(theta, table.x) - table.y,
        start,
        jac=lambda theta: log_law_gradient(theta, table.x).T,
        x_scale="jac",
    )
    free = len(table.y) - len(start)
    slope = log_law_gradient(found.x, target)
    # The pseudo-inverse: E may have gone to 0, where its log is not identified.
    covariance = np.linalg.pinv(found.jac.T @ found.jac) * 2 * found.cost / free
    point = log_law(found.x, target)
    se = np.sqrt(slope @ covariance @ slope)
    return Answer(point, point + se * stats.t(free).ppf(ENDS), {})


def posterior(arm: str, table: Table, seed: int) -> Answer:
    """Quantiles of the posterior of the loss that the law expects."""
    constant = {"origin": "simulated", "family": "all", "unit": "nats/token"}
    columns = zip(*design(arm).values(), np.exp(table.y), strict=True)
    rows = [
        constant | {"run": f"r{i}", "N": N, "D": D, "value": value}
        for i, (N, D, value) in enumerate(columns)
    ]
    found = fit(table_from_rows(rows), spec_of(arm), seed=seed)
    drawn = np.log(predict(found, **TARGET)).ravel()
    diverging = int(found["sample_stats"]["diverging"].sum())
    conflicts = {
        one.name
        for one in sensitivities(found)
        if one.diagnosis == "prior-data conflict"
    }
    counts = {
        "tables_with_a_failed_check": int(not check(found).is_passed),
        "tables_with_prior_data_conflict": int(bool(conflicts & EXPONENTS)),
        "tables_with_divergences": int(diverging > 0),
        "divergent_iterations": diverging,
    }
    return Answer(np.median(drawn), np.quantile(drawn, ENDS), counts)


def spec_of(arm: str) -> ModelSpec:
    """models/chinchilla.toml; arms low and high with four priors moved.

    Priors of both exponents and both odds of a term over E are centred two sd from the
    middle of the truths, in the directions that move E the same way.
    """
    spec = read_spec(MODEL)
    if arm not in ("low", "high"):
        return spec
    centre = {name: sum(ends) / 2 for name, ends in TRUTHS.items()}
    moved = {
        "log_alpha": (log(centre["alpha"]), -1),
        "log_beta": (log(centre["beta"]), -1),
        "odds_N": (log(centre["size"] / centre["E"]), 1),
        "odds_D": (log(centre["data"] / centre["E"]), 1),
    }
    priors = {}
    for name, (loc, sign) in moved.items():
        prior = spec.prior_of(name)
        step = 2 * hypot(prior.scale, prior.spread / 2)
        loc += sign * step * (1 if arm == "low" else -1)
        priors[name] = PriorOverride(loc=loc, scale=prior.scale, spread=prior.spread)
    return spec.model_copy(update={"priors": priors})


METHODS: dict[str, Callable[[str, Table, int], Answer]] = {
    "posterior": posterior,
    "bootstrap": bootstrap,
    "delta": delta,
}
LABELS = {
    "posterior": "bayeslaw posterior",
    "bootstrap": "Huber fit, bootstrap",
    "delta": "least squares, delta method",
}
