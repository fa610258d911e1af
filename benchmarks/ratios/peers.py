"""The same problems by SLSQP of scipy and by cvxpy, one at a time."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import minimize

from bayeslaw.decisions.solvers import Limits, Losses, roomiest
from bayeslaw.decisions.target import worst_mean
from benchmarks.ratios.problems import WORST_SHARE, Problem

Rule = dict[str, Any]


def objective(problem: Problem, ratios: np.ndarray) -> float:
    """What the variant minimises, averaged over draws where it is one mixture's."""
    losses = problem.losses.at(ratios)
    if problem.risk == "minimax":
        return float(losses.max(-1).mean())
    sums = losses.sum(-1)
    return worst_mean(sums, WORST_SHARE if problem.risk == "cvar" else 1.0)


def _gradients(losses: Losses, p: np.ndarray) -> np.ndarray:
    """Derivative of every draw's and family's loss by every ratio."""
    slope, _ = losses.by_ratio(losses.effective(p))
    return slope[..., None] * (
        np.eye(len(p)) if losses.transfer is None else losses.transfer
    )


def by_slsqp(problem: Problem) -> np.ndarray:
    """SLSQP with exact gradients; a maximum or a tail as further variables."""
    losses, limits, risk, _ = problem
    n, k = len(losses), losses.n_sources
    start = roomiest(limits)[0]
    rules = _mixture_rules(limits, k)
    bounds = list(zip(np.maximum(limits.lower, 1e-9), limits.upper, strict=True))
    if risk == "minimax":
        rules.append(_rule_of_largest(losses))
        start = np.r_[start, losses.at(start).max(-1)]
        bounds += [(None, None)] * n
        cost = np.r_[np.zeros(k), np.full(n, 1 / n)]
        return _slsqp(lambda z: cost @ z, lambda z: cost, start, bounds, rules)[:k]
    return _slsqp(
        lambda p: losses.at(p).sum(-1).mean(),
        lambda p: _gradients(losses, p).sum(1).mean(0),
        start,
        bounds,
        rules,
    )


def _mixture_rules(limits: Limits, k: int) -> list[Rule]:
    """The first k variables sum to 1 and obey the linear limits."""
    rules: list[Rule] = [
        {
            "type": "eq",
            "fun": lambda z: z[:k].sum() - 1,
            "jac": lambda z: np.r_[np.ones(k), np.zeros(len(z) - k)],
        }
    ]
    if len(limits.most):
        rules.append(
            {
                "type": "ineq",
                "fun": lambda z: limits.most - limits.weights @ z[:k],
                "jac": lambda z: np.c_[
                    -limits.weights, np.zeros((len(limits.most), len(z) - k))
                ],
            }
        )
    return rules


def _rule_of_largest(losses: Losses) -> Rule:
    """The variables after the ratios are at least every loss of their draw."""
    n, k = len(losses), losses.n_sources
    return {
        "type": "ineq",
        "fun": lambda z: (z[k:, None] - losses.at(z[:k])).ravel(),
        "jac": lambda z: np.c_[
            -_gradients(losses, z[:k]).reshape(-1, k),
            np.repeat(np.eye(n), losses.a.shape[1], 0),
        ],
    }


def _slsqp(
    objective: Callable[[np.ndarray], float],
    gradient: Callable[[np.ndarray], np.ndarray],
    start: np.ndarray,
    bounds: list[tuple[float | None, float | None]],
    rules: list[Rule],
) -> np.ndarray:
    return minimize(
        objective,
        start,
        jac=gradient,
        bounds=bounds,
        constraints=rules,
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 1000},
    ).x


def by_cvxpy(problem: Problem) -> np.ndarray:
    """Exponential cones, by the solver that cvxpy chooses (Clarabel)."""
    import cvxpy as cp

    losses, limits, risk, _ = problem
    p = cp.Variable(losses.n_sources)
    parts = []
    for draw in range(len(losses)):
        q = p if losses.transfer is None else losses.transfer[draw] @ p
        exponent = np.log(losses.a[draw]) - cp.multiply(losses.g[draw], cp.log(q))
        parts.append(cp.exp(exponent))
    rules = [cp.sum(p) == 1, p >= limits.lower, p <= limits.upper]
    if len(limits.most):
        rules.append(limits.weights @ p <= limits.most)
    if risk == "minimax":
        cost = sum(cp.max(part) for part in parts) / len(parts)
    elif risk == "cvar":
        cost = cp.cvar(cp.hstack([cp.sum(part) for part in parts]), 1 - WORST_SHARE)
    else:
        cost = sum(cp.sum(part) for part in parts) / len(parts)
    cp.Problem(cp.Minimize(cost), rules).solve()
    return np.asarray(p.value)
