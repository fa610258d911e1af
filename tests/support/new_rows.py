"""How well a posterior foretells the rows it was not fitted to."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr
from scipy import special

from bayeslaw.data.losses import RunTable
from bayeslaw.inference.posterior import Fitted
from bayeslaw.inference.prediction import predict
from bayeslaw.model.noise import noise_of_rows

MAX_DRAWS = 400


@dataclass(frozen=True, eq=False)
class Foretold:
    """Predictive distribution of the log of held-out values, and these.

    Args:
      log_mean: what the law expects, (draw, row).
      noise: distribution of the log value around it, of shape (draw, row).
      log_value: observed, (row,).
    """

    log_mean: np.ndarray
    noise: Any
    log_value: np.ndarray

    @cached_property
    def log_density(self) -> np.ndarray:
        """Log predictive density of the log of each row."""
        each = self.noise.logpdf(self.log_value)
        return special.logsumexp(each, axis=0) - np.log(len(each))

    @property
    def log_score(self) -> float:
        """Mean over rows of the log predictive density; higher is better."""
        return float(self.log_density.mean())

    @property
    def rmsle(self) -> float:
        """Root mean squared error of the posterior mean of log loss."""
        return float(np.sqrt(np.mean(self.errors**2)))

    @property
    def errors(self) -> np.ndarray:
        return self.log_mean.mean(0) - self.log_value

    def coverage(self, probability: float) -> float:
        """Share of rows inside their central interval of that probability."""
        rank = self.noise.cdf(self.log_value).mean(0)
        return float(np.mean(np.abs(2 * rank - 1) < probability))

    def explained(self, family: np.ndarray) -> float:
        """Median over families of R2 of log loss."""
        shares = [
            1 - np.mean(self.errors[rows] ** 2) / self.log_value[rows].var()
            for rows in (family == name for name in dict.fromkeys(family))
        ]
        return float(np.median(shares))

    def __str__(self) -> str:
        return (
            f"{len(self.log_value)} rows held out, RMSLE {self.rmsle:.4f}, "
            f"log score {self.log_score:.3f}, in 50 % {self.coverage(0.5):.0%}, "
            f"in 90 % {self.coverage(0.9):.0%}"
        )


def foretold(posterior: xr.DataTree, table: RunTable, *, seed: int = 0) -> Foretold:
    """Predict the rows of a table, given nothing but their inputs.

    A run among those fitted keeps its effect; one that is not draws a new one.
    """
    fitted, columns = Fitted.of(posterior), table.columns
    family = fitted.posterior.get_index("family").get_indexer(columns["family"])
    cells = list(zip(*(columns[k] for k in ("run", "N", "D", "schedule")), strict=True))
    distinct = list(dict.fromkeys(cells))
    cell = np.array([distinct.index(one) for one in cells])
    loss = predict(posterior, max_draws=MAX_DRAWS, **_inputs(fitted, table, distinct))
    log_mean = np.log(loss)[:, cell, family]
    if fitted.has("run_effect"):
        log_mean = log_mean + _effects(fitted, columns["run"], seed)
    ratio = columns["p"] / fitted.record["reference"].get("p", 1.0)
    names = [name for name in ("nu", "sigma_ratio_power") if fitted.has(name)]
    noise = noise_of_rows(
        fitted.spec.noise.likelihood,
        {name: fitted.draws(name, MAX_DRAWS) for name in names},
        log_mean,
        fitted.draws("sigma", MAX_DRAWS)[:, family],
        log_se=np.nan_to_num(columns["se"]) / columns["value"],
        log_ratio=np.log(ratio),
    )
    return Foretold(log_mean, noise, np.log(columns["value"]))


def _inputs(fitted: Fitted, table: RunTable, cells: list) -> dict[str, Any]:
    """Inputs of `predict` for cells (run, N, D, schedule)."""
    law = fitted.law
    runs, N, D, schedule = zip(*cells, strict=True)
    found = {"N": np.array(N)[:, None], "D": np.array(D)[:, None]}
    if law.has_ratio:
        names = fitted.sources
        # At a ratio of 0 the law without transfer is not asked, but must not fail.
        found["p"] = np.array(
            [[table.mixtures[run].get(name, 0.0) for name in names] for run in runs]
        )
        if not fitted.has_transfer:
            found["p"] = np.maximum(found["p"], 1e-9)
    if "trunk" in law.all_inputs:
        found["trunk"] = (np.array(schedule) == "trunk")[:, None]
    if "epochs" in law.all_inputs:
        unique = dict(
            zip(table.columns["run"], table.columns["unique_tokens"], strict=True)
        )
        found["epochs"] = found["D"] / np.array([unique[run] for run in runs])[:, None]
    return found


def _effects(posterior: Fitted, run: np.ndarray, seed: int) -> np.ndarray:
    """Effect of the run of each row, (draw, row)."""
    names, of_row = np.unique(run.astype(str), return_inverse=True)
    run_sd = posterior.draws("run_sd", MAX_DRAWS)[:, None]
    effect = run_sd * np.random.default_rng(seed).normal(size=(len(run_sd), len(names)))
    fitted = posterior.posterior.get_index("run").get_indexer(names)
    known = posterior.draws("run_effect", MAX_DRAWS)[:, fitted]
    return np.where(fitted >= 0, known, effect)[:, of_row]
