"""Which runs to make next: the largest fall of expected regret for their cost."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float
from threadpoolctl import threadpool_limits

from bayeslaw.checks import require_passed
from bayeslaw.decisions import FREE, Constraints, Target
from bayeslaw.design.beliefs import Beliefs, beliefs_of
from bayeslaw.design.candidates import (
    SIX_N_D,
    Cell,
    Costs,
    Looks,
    cells,
    mixtures,
)
from bayeslaw.design.history import History, history_of
from bayeslaw.design.outcomes import Outcomes, parameters_of, sources_of
from bayeslaw.design.plan import NextRun, NextRuns, Stop
from bayeslaw.design.search import Candidate, Limits, Search
from bayeslaw.errors import InputError
from bayeslaw.inference import provenance

# Regret that counts as nothing: a hundredth of a per cent of the loss.
TOLERANCE = 1e-4
# Rise of tokens over which the worth of a token in the target run is measured.
RISE = 1.01


def next_runs(
    posterior: xr.DataTree,
    *,
    N: float,
    D: float,
    budget: float,
    runs: int = 8,
    sizes: Mapping[str, float] | None = None,
    tokens: Sequence[float] | None = None,
    costs: Costs = SIX_N_D,
    weights: Mapping[str, float] | None = None,
    normalised: bool = False,
    constraints: Constraints = FREE,
    min_N: float = 0.0,
    anchor: float = 0.15,
    tolerance: float = TOLERANCE,
    exchange: float = 1.0,
    min_share: float = 0.01,
    max_mixtures: int = 256,
    is_frugal: bool = False,
    allow_failed_checks: bool = False,
    seed: int = 0,
) -> NextRuns:
    """Choose the runs that help most to decide about ratios.

    A run shows log losses Y, Normal with covariance S = Cov(Y) + noise over the
    posterior. It takes tr(H C' S^-1 C) / 2 from the expected regret, where
    C = Cov(Y, p*), p* is the optimum of a draw and H the curvature of the expected
    loss. Runs are chosen one after the other, each knowing that those before it will be
    made.

    Args:
      posterior: result of `fit`.
      N: non-embedding parameters of the target run.
      D: training tokens of the target run.
      budget: FLOPs that all runs together may cost.
      runs: how many at most.
      sizes: non-embedding parameters by name of the proxy; those tried if None.
      tokens: training tokens to choose from; those tried if None.
      costs: what a run costs.
      weights: importance of each family; equal if None.
      normalised: losses count relative to those at p = 1.
      constraints: of the ratios to decide, as in `optimal_ratios`.
      min_N: no smaller proxies.
      anchor: share of the budget kept for one run that is as large as it pays; 0 for
        none.
      tolerance: regret, a share of the loss, that counts as nothing.
      exchange: FLOPs for proxies that a FLOP saved in the target run is worth; inf for
        runs at any cost.
      min_share: of every family in a mixture.
      max_mixtures: to look at for each size and token count.
      is_frugal: choose by gain for the cost alone and leave the rest of the budget for
        later; if not, the best use of the whole budget.
      allow_failed_checks: choose although a check of the posterior failed.
      seed: of the random mixtures.

    Returns:
      the runs, or the reason to make none.

    Raises:
      InputError: the target, the budget or what runs may be is out of range.
      FailedChecksError: a check failed and `allow_failed_checks` is False.

    Source: docs/explanation/next-runs.md; Matheron's update: Wilson et al. 2020, arXiv
      2002.09309.

    Example:
      >>> chosen = next_runs(posterior, N=1e9, D=2e10, budget=1e17)
      >>> chosen.runs[0].why
      'romance (61% of the gain): log_gamma of romance from sd 0.31 to 0.22'
    """
    _require(budget, runs, anchor, tolerance, exchange, min_share)
    target = Target(posterior, N, D, weights, normalised, constraints)
    checks = require_passed(posterior, allow_failed_checks=allow_failed_checks)
    tried = history_of(posterior, sources_of(posterior))
    possible = cells(sizes or tried.sizes, tokens or tried.tokens, costs, min_N)
    about = Looks(max_mixtures, min_share, seed)
    looked_at = mixtures(target.best(), tried.mixtures, about)
    limits = Limits(budget, runs, anchor, tolerance, is_frugal)
    chosen, now, then = _chosen(posterior, target, tried, possible, looked_at, limits)
    cost = sum(run.cost for run in chosen)
    worth = exchange * _worth(target, now - then)
    cheapest = min(cell.cost for cell in possible)
    stop = _reason(limits, now, cheapest, cost, worth)
    return NextRuns(
        **_about(posterior, target),
        failed_checks=tuple(check.name for check in checks.failures),
        warnings=checks.clauses(),
        runs=() if stop else tuple(chosen),
        regret=now,
        regret_then=then,
        budget=float(budget),
        cost=cost if chosen else cheapest,
        candidates=len(possible) * len(looked_at),
        stop=stop,
        tolerance=tolerance,
        worth=worth,
    )


def _about(posterior: xr.DataTree, target: Target) -> dict[str, Any]:
    """What the choice is about, for the record."""
    record = provenance(posterior)
    return {
        "families": target.families,
        "N": float(target.N),
        "D": float(target.D),
        "origin": ", ".join(record["origin"]),
        "ratios": target.named(target.best()),
        "table_sha256": record["table_sha256"],
    }


# Matrices are small: several threads would only wait for each other.
@threadpool_limits.wrap(limits=1, user_api="blas")
def _chosen(
    posterior: xr.DataTree,
    target: Target,
    tried: History,
    possible: Sequence[Cell],
    looked_at: Float[np.ndarray, "candidate source"],
    limits: Limits,
) -> tuple[list[NextRun], float, float]:
    """The runs, and the expected regret before and after them."""
    affordable = [cell for cell in possible if cell.cost <= limits.budget]
    outcomes = Outcomes(posterior, affordable or possible[:1], looked_at)
    drawn, labels = parameters_of(posterior, outcomes.draws)
    now = beliefs_of(target, outcomes.scores, outcomes.index, drawn)
    if now.regret <= limits.tolerance or not affordable:
        return [], now.regret, now.regret
    search = Search(now, outcomes, limits)
    picked, n_anchors = search.best(search.pool(affordable, looked_at))
    runs, then = described(picked, n_anchors, now, outcomes, tried, labels)
    return runs, now.regret, then.regret


def _reason(
    limits: Limits, regret: float, cheapest: float, cost: float, worth: float
) -> Stop | None:
    """Why to make no more runs, if there is a reason."""
    if regret <= limits.tolerance:
        return "settled"
    if cheapest > limits.budget:
        return "unaffordable"
    return "not worth it" if worth < cost else None


def _require(
    budget: float,
    runs: int,
    anchor: float,
    tolerance: float,
    exchange: float,
    min_share: float,
) -> None:
    for name, value, is_right, wanted in (
        ("budget", budget, budget > 0, "FLOPs, above 0"),
        ("runs", runs, runs >= 1, "at least 1"),
        ("anchor", anchor, 0 <= anchor < 1, "a share of the budget, from 0 to below 1"),
        ("tolerance", tolerance, tolerance >= 0, "a share of the loss, 0 or more"),
        ("exchange", exchange, exchange > 0, "FLOPs for a FLOP, above 0"),
        ("min_share", min_share, 0 < min_share < 1, "a ratio between 0 and 1"),
    ):
        if not is_right:
            raise InputError(
                "choice of runs out of range",
                f"argument {name}",
                f"{value:g}",
                wanted,
                "give another value",
            )


def _worth(target: Target, gain: float) -> float:
    """FLOPs of tokens in the target run that lower its loss by as much."""
    every = np.arange(len(target.losses))
    D, ratios = np.full(len(every), target.D), target.best()
    fall = np.log(
        target.loss_with_tokens(D, ratios, every)
        / target.loss_with_tokens(RISE * D, ratios, every)
    ).mean() / np.log(RISE)
    return 6 * target.N * target.D * gain / max(float(fall), 1e-12)


def described(
    picked: Sequence[Candidate],
    n_anchors: int,
    now: Beliefs,
    outcomes: Outcomes,
    tried: History,
    labels: Sequence[str],
) -> tuple[list[NextRun], Beliefs]:
    """The runs with what each of them tells, and the beliefs once they are made."""
    found: list[NextRun] = []
    for i, one in enumerate(picked):
        then = now.after(one.loadings, outcomes.noise, one.log_ratio)
        gained = now.spread - then.spread
        k = int(gained.argmax())
        # The coordinate of which the run tells most, of those of this family.
        name = outcomes.sources[k]
        told = 1 - then.variance / np.maximum(now.variance, 1e-300)
        own = [name in label.split() for label in labels]
        n = int(np.where(own, told, -1.0).argmax() if any(own) else told.argmax())
        mixture = dict(zip(outcomes.sources, one.mixture.tolist(), strict=True))
        found.append(
            NextRun(
                proxy=one.cell.proxy,
                N=one.cell.N,
                tokens=one.cell.tokens,
                mixture=mixture,
                seed=tried.next_seed(one.cell.N, mixture, found),
                cost=one.cell.cost,
                gain=float(gained.sum()) * now.scale,
                family=name,
                family_share=float(gained[k] / gained.sum()),
                parameter=labels[n],
                sd_now=float(np.sqrt(now.variance[n])),
                sd_then=float(np.sqrt(then.variance[n])),
                is_anchor=i < n_anchors,
            )
        )
        now = then
    return found, now
