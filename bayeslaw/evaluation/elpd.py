"""Compare the scores of models, from the log density of each held-out run."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize


@dataclass(frozen=True)
class Score:
    """Expected log density of unseen runs, summed over runs; higher is better.

    Attributes:
      total: sum over runs of the log density of a run's log outcomes, in nats.
      se: its standard error, from the spread over runs; NaN for a single run.
      mean: total over the number of runs.
      difference: total minus that of the best model.
      difference_se: standard error of the difference, runs paired; 0 for the best.
    """

    total: float
    se: float
    mean: float
    difference: float
    difference_se: float


def paired_scores(log_density: Float[np.ndarray, "model run"]) -> list[Score]:
    """Compute the score of every model and its difference from the best, runs paired.

    Args:
      log_density: log density of each run under each model that has not seen it.
    """
    totals = log_density.sum(1)
    behind = log_density - log_density[totals.argmax()]
    return [
        Score(
            total=float(total),
            se=_se_of_sum(own),
            mean=float(total / len(own)),
            difference=float(difference.sum()),
            difference_se=_se_of_sum(difference),
        )
        for total, own, difference in zip(totals, log_density, behind, strict=True)
    ]


def _se_of_sum(values: np.ndarray) -> float:
    """Standard error of a sum over runs that were drawn independently."""
    if len(values) < 2:
        return float("nan")
    return float(np.sqrt(len(values)) * values.std(ddof=1))


def stacking_weights(
    log_density: Float[np.ndarray, "model run"],
) -> Float[np.ndarray, " model"]:
    """Find the weights of the mixture of models that best predicts held-out runs.

    They maximise sum_r log sum_k w_k exp(log_density_kr) on the simplex, which is
    concave. Two models that predict alike share their weight arbitrarily: a small
    weight does not mean that a model is wrong.

    Args:
      log_density: log density of each run under each model that has not seen it.

    Source: Yao et al. 2018, arXiv 1704.02030. ArviZ offers stacking inside its own
    `compare` only, which scores single rows.
    """
    # Of a run only the ratios of its densities count; this keeps them in range.
    density = np.exp(log_density - log_density.max(0))
    n_models = len(density)

    def loss(weights: np.ndarray) -> float:
        return -float(np.log(weights @ density).mean())

    def slope(weights: np.ndarray) -> np.ndarray:
        return -(density / (weights @ density)).mean(1)

    found = minimize(
        loss,
        np.full(n_models, 1 / n_models),
        jac=slope,
        method="SLSQP",
        # A weight of 0 everywhere gives no density to runs that one model alone knows.
        bounds=[(1e-9, 1.0)] * n_models,
        constraints={"type": "eq", "fun": lambda weights: weights.sum() - 1},
        options={"ftol": 1e-12, "maxiter": 1000},
    )
    weights = np.clip(found.x, 0.0, None)
    return weights / weights.sum()
