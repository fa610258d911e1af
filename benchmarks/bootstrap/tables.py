"""Simulated tables of one family whose law is that of Hoffmann et al."""

from math import log
from typing import NamedTuple

import numpy as np
from scipy import special

ARMS = {
    "well": "priors as shipped, 72 runs",
    "few": "priors as shipped, 24 runs",
    "low": "priors 2 sd off, towards a low E, 72 runs",
    "high": "priors 2 sd off, towards a high E, 72 runs",
}
# IsoFLOP design: at each compute budget, sizes around the one with 20 tokens a
# parameter. N from 4e7 to 3.7e9, D from 7.9e8 to 7.3e10.
BUDGETS = np.geomspace(3e18, 1e20, 8)
FACTORS = np.geomspace(1 / 4, 4, 9)
TARGET = {"N": 7e9, "D": 1e12}
# Truths are uniform between these ends. "size" and "data" are what N and D add to the
# loss in the middle of the design. The middle of the truths is about the refitted law
# of arXiv 2404.10102: E 1.82, A 482, alpha 0.348, B 2085, beta 0.366.
TRUTHS = {
    "E": (1.5, 2.1),
    "size": (0.35, 0.70),
    "data": (0.35, 0.70),
    "alpha": (0.27, 0.43),
    "beta": (0.28, 0.45),
}
NOISE = {"df": 5, "scale": 0.005}  # Student-t on log loss


class Table(NamedTuple):
    """One simulated table.

    Attributes:
      x: log inputs from the middle of the design. Shape (2, run).
      y: log losses. Shape (run,).
    """

    x: np.ndarray
    y: np.ndarray


def simulated(arm: str, count: int) -> tuple[list[Table], np.ndarray]:
    """Tables of an arm, and their true log losses at the target."""
    inputs = design(arm)
    x = np.stack([np.log(inputs[k] / c) for k, c in middle(inputs).items()])
    tables, truths = [], []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        drawn = rng.uniform(*np.transpose(list(TRUTHS.values())))
        theta = np.array([*np.log(drawn[:3]), *drawn[3:]])
        noise = NOISE["scale"] * rng.standard_t(NOISE["df"], x.shape[1])
        tables.append(Table(x, log_law(theta, x) + noise))
        truths.append(log_law(theta, at_target(inputs)))
    return tables, np.array(truths)


def design(arm: str) -> dict[str, np.ndarray]:
    """N and D of every run."""
    factors = FACTORS[::4] if arm == "few" else FACTORS
    N = np.outer(np.sqrt(BUDGETS / 120), factors).ravel()
    return {"N": N, "D": np.repeat(BUDGETS, len(factors)) / (6 * N)}


def middle(inputs: dict[str, np.ndarray]) -> dict[str, float]:
    """Geometric means of N and D."""
    return {name: float(np.exp(np.log(v).mean())) for name, v in inputs.items()}


def at_target(inputs: dict[str, np.ndarray]) -> np.ndarray:
    """Log inputs of the target from the middle of the design."""
    return np.array([log(TARGET[k] / c) for k, c in middle(inputs).items()])


def log_law(theta: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Log loss of theta = (log E, log size, log data, alpha, beta) at x."""
    return special.logsumexp(_terms(theta, x), axis=0)


def log_law_gradient(theta: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Derivatives of log_law, one row a parameter."""
    share = special.softmax(_terms(theta, x), axis=0)
    return np.concatenate([share, -share[1:] * x])


def _terms(theta: np.ndarray, x: np.ndarray) -> np.ndarray:
    e, size, data, alpha, beta = theta
    return np.stack([e + 0 * x[0], size - alpha * x[0], data - beta * x[1]])
