"""Which runs to make next: the largest fall of expected regret for their cost."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from threadpoolctl import threadpool_limits

from bayeslaw.checks import require_passed
from bayeslaw.decisions import FREE, Constraints, Target
from bayeslaw.design.beliefs import Beliefs, beliefs_of
from bayeslaw.design.candidates import Cell, cells, mixtures
from bayeslaw.design.design_settings import DesignSettings
from bayeslaw.design.history import History, history_of
from bayeslaw.design.outcomes import Outcomes, parameters_of
from bayeslaw.design.plan import NextRun, NextRuns, Stop
from bayeslaw.design.search import Candidate, Search
from bayeslaw.errors import InputError
from bayeslaw.inference import Fitted, Posterior

DEFAULTS = DesignSettings()
# Rise of tokens over which the worth of a token in the target run is measured.
RISE = 1.01


def next_runs(
    posterior: Posterior,
    *,
    N: float,
    D: float,
    budget: float,
    weights: Mapping[str, float] | None = None,
    normalised: bool = False,
    constraints: Constraints = FREE,
    settings: DesignSettings = DEFAULTS,
    allow_failed_checks: bool = False,
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
      weights: importance of each family; equal if None.
      normalised: losses are taken relative to those at p = 1.
      constraints: of the ratios to decide, as in `optimal_ratios`.
      settings: what runs may be chosen, see `DesignSettings`.
      allow_failed_checks: choose although a check of the posterior failed.

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
    _require_budget(budget)
    fitted = Fitted.of(posterior)
    target = Target(fitted, N, D, weights, normalised, constraints)
    checks = require_passed(fitted, allow_failed_checks=allow_failed_checks)
    tried = history_of(fitted)
    possible = cells(
        settings.sizes or tried.sizes,
        settings.tokens or tried.tokens,
        settings.costs,
        settings.min_N,
    )
    considered = mixtures(target.best(), tried.mixtures, settings)
    chosen, now, then = _chosen(
        fitted, target, tried, possible, considered, (budget, settings)
    )
    cost = sum(run.cost for run in chosen)
    worth = settings.exchange * _worth(target, now - then)
    cheapest = min(cell.cost for cell in possible)
    stop = _reason(budget, settings.tolerance, now, cheapest, cost, worth)
    return NextRuns(
        families=target.families,
        N=float(N),
        D=float(D),
        origin=fitted.origin,
        ratios=target.named(target.best()),
        table_sha256=fitted.record["table_sha256"],
        failed_checks=tuple(check.name for check in checks.failures),
        warnings=checks.clauses(),
        runs=() if stop else tuple(chosen),
        regret=now,
        regret_then=then,
        budget=float(budget),
        cost=cost if chosen else cheapest,
        candidates=len(possible) * len(considered),
        stop=stop,
        tolerance=settings.tolerance,
        worth=worth,
    )


# Matrices are small: several threads would only wait for each other.
@threadpool_limits.wrap(limits=1, user_api="blas")
def _chosen(
    fitted: Fitted,
    target: Target,
    tried: History,
    possible: Sequence[Cell],
    considered: Float[np.ndarray, "candidate source"],
    limits: tuple[float, DesignSettings],
) -> tuple[list[NextRun], float, float]:
    """The runs, and the expected regret before and after them."""
    budget, settings = limits
    affordable = [cell for cell in possible if cell.cost <= budget]
    outcomes = Outcomes(fitted, affordable or possible[:1], considered)
    drawn, labels = parameters_of(fitted, outcomes.draws)
    now = beliefs_of(target, outcomes.scores, outcomes.index, drawn)
    if now.regret <= settings.tolerance or not affordable:
        return [], now.regret, now.regret
    search = Search(now, outcomes, budget, settings)
    picked, n_anchors = search.best(search.pool(affordable, considered))
    runs, then = described(picked, n_anchors, now, outcomes, tried, labels)
    return runs, now.regret, then.regret


def _reason(
    budget: float,
    tolerance: float,
    regret: float,
    cheapest: float,
    cost: float,
    worth: float,
) -> Stop | None:
    """Why to make no more runs, if there is a reason."""
    if regret <= tolerance:
        return "settled"
    if cheapest > budget:
        return "unaffordable"
    return "not worth it" if worth < cost else None


def _require_budget(budget: float) -> None:
    if not budget > 0:
        raise InputError(
            "choice of runs out of range",
            "argument budget",
            f"{budget:g}",
            "FLOPs, above 0",
            "give the FLOPs that all runs together may cost",
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
