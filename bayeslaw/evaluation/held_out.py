"""Log density of held-out runs: by importance sampling, else by a refit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from arviz_stats.base import array_stats
from jaxtyping import Float
from scipy.special import logsumexp

from bayeslaw.evaluation.fitted_models import (
    Draws,
    FittedModel,
    RowKey,
    rows_of,
    scored,
)
from bayeslaw.inference import (
    Report,
    SamplerSettings,
    row_moments,
    run_log_density,
    sample,
    use_compile_cache,
)
from bayeslaw.model import PaddedArrays, noise_of
from bayeslaw.numbers import in_float64

# Data sets fitted side by side in one call; more of them fill memory, not cores.
SETS_AT_ONCE = 8
LEVELS = (0.5, 0.9)


@dataclass(frozen=True)
class LeftOut:
    """Log density of each run given the others, by importance sampling.

    Attributes:
      log_density: of the scored rows of each run. Shape (run,).
      pareto_k: reliability of importance sampling; smaller is better. Shape (run,).
    """

    log_density: Float[np.ndarray, " run"]
    pareto_k: Float[np.ndarray, " run"]


@dataclass(frozen=True)
class Refit:
    """Posterior draws of a model that has not seen some runs.

    Attributes:
      draws: quantities of the posterior, each (draw, ...).
      rhat: largest R-hat of what the density of a row depends on.
      divergences: iterations that diverged.
    """

    draws: Draws
    rhat: float
    divergences: int


def leave_one_run_out(one: FittedModel, rows: set[RowKey]) -> LeftOut:
    """Log density of each run of the model given its other runs.

    Draws of the full posterior, weighted by the inverse density of all rows of the run
    (Pareto-smoothed), stand for draws without it.

    Args:
      one: a fitted model.
      rows: rows to score; a run is left out with all its rows.

    Source: Vehtari, Gelman and Gabry 2017, arXiv 1507.04544; Pareto k: Vehtari et al.
    2024, arXiv 1507.02646.
    """
    n_runs = len(one.layout.runs)
    joined = {k: v.reshape(-1, *v.shape[2:]) for k, v in one.draws.items()}
    shape = next(iter(one.draws.values())).shape[:2]
    left_out = run_log_density(one.spec, one.data, joined)[:, :n_runs].T
    target = left_out
    if rows != set(one.keys):
        target = run_log_density(one.spec, scored(one, rows), joined)[:, :n_runs].T
    found, pareto_k = [], []
    for log_lik, log_target in zip(left_out, target, strict=True):
        size = array_stats.ess(np.exp(log_lik - log_lik.max()).reshape(shape))
        # Takes the log density and weighs by its inverse.
        log_weight, k = array_stats.psislw(log_lik, r_eff=float(size / log_lik.size))
        found.append(logsumexp(log_weight + log_target))
        pareto_k.append(float(k))
    return LeftOut(np.array(found), np.array(pareto_k))


def max_pareto_k(one: FittedModel) -> float:
    """Pareto k above which importance sampling with `n_draws` draws is unreliable."""
    n_draws = next(iter(one.draws.values())).shape
    return min(1 - 1 / float(np.log10(n_draws[0] * n_draws[1])), 0.7)


@in_float64
def refit_without(
    one: FittedModel,
    groups: Sequence[Sequence[str]],
    settings: SamplerSettings,
    seed: int,
    report: Report | None = None,
) -> list[Refit]:
    """Fit a model again, once without each of several groups of runs.

    Args:
      one: a fitted model.
      groups: names of the runs left out of each fit.
      settings: settings of the sampler of each fit.
      seed: random seed.
      report: progress callback.
    """
    n_batches = -(-len(groups) // SETS_AT_ONCE)
    # Batches of one size share one compiled program; the last is filled by repetition.
    size = -(-len(groups) // n_batches)
    padded = [*groups, *[groups[-1]] * (n_batches * size - len(groups))]
    use_compile_cache()
    found: list[Refit] = []
    for i in range(n_batches):
        batch = padded[i * size : (i + 1) * size]
        keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), i), size)
        data = _side_by_side(one, batch)
        watch = _labelled(report, f"{one.name}, refits {i + 1} of {n_batches}")
        drawn = jax.device_get(sample(one.spec, data, keys, settings, watch))
        found += [
            _refit(
                {k: v[j] for k, v in drawn.values.items() if k in one.draws},
                int(drawn.statistics["diverging"][j].sum()),
            )
            for j in range(size)
        ]
    return found[: len(groups)]


def _side_by_side(one: FittedModel, groups: Sequence[Sequence[str]]) -> PaddedArrays:
    """As many copies of the observations as groups, each without its runs."""
    observed = np.asarray(one.data.observed)
    masks = [observed & ~rows_of(one, names) for names in groups]
    copies = jax.tree.map(
        lambda array: jnp.broadcast_to(array, (len(groups), *jnp.shape(array))),
        one.data,
    )
    return copies._replace(observed=jnp.asarray(np.array(masks)))


def _refit(draws: Draws, divergences: int) -> Refit:
    with np.errstate(invalid="ignore", divide="ignore"):
        worst = [
            np.nanmax(array_stats.rhat(np.moveaxis(v, (0, 1), (-2, -1))))
            for v in draws.values()
        ]
    joined = {k: v.reshape(-1, *v.shape[2:]) for k, v in draws.items()}
    return Refit(joined, float(max(worst)), divergences)


def _labelled(report: Report | None, label: str) -> Report | None:
    if report is None:
        return None
    watch: Callable[..., None] = report
    return lambda phase, *counts: watch(f"{label}, {phase}", *counts)


def refit_log_density(
    one: FittedModel, refit: Refit, rows: set[RowKey]
) -> Mapping[str, float]:
    """Log density of every run's scored rows under the draws of a refit, by run.

    It is the density of unseen rows for the runs that the refit was made without.
    """
    log_lik = run_log_density(one.spec, scored(one, rows), refit.draws)
    found = logsumexp(log_lik, axis=0) - np.log(len(log_lik))
    return dict(zip(one.layout.runs, found[: len(one.layout.runs)], strict=True))


@dataclass(frozen=True)
class Accuracy:
    """How well new runs were predicted.

    Attributes:
      rmse: root mean squared error of the log outcome against its predictive median.
      coverage: share of rows inside the central predictive interval, by probability.
      rows: number of rows.
    """

    rmse: float
    coverage: dict[float, float]
    rows: int


def accuracy(
    one: FittedModel, refit: Refit, runs: Sequence[str], rows: set[RowKey], seed: int
) -> Accuracy:
    """Compute errors and interval coverage on rows that a refit has not seen."""
    mean, scale = row_moments(one.spec, one.data, refit.draws)
    is_scored = np.asarray(scored(one, rows).observed) & rows_of(one, runs)
    mean, scale = mean[:, is_scored], scale[:, is_scored]
    observed = np.asarray(one.data.log_value)[is_scored]
    rng = np.random.default_rng(seed)
    noise, draws = one.spec.noise, refit.draws
    nu = draws["nu"][:, None] if "nu" in draws else None
    drawn = noise_of(noise.likelihood, mean, scale, nu).rvs(
        size=mean.shape, random_state=rng
    )
    if noise.run_effect:
        run = np.broadcast_to(one.data.run, is_scored.shape)
        effects = rng.normal(size=(len(mean), len(one.layout.runs)))
        drawn = drawn + draws["run_sd"][:, None] * effects[:, run[is_scored]]
    rank = (drawn < observed).mean(0)
    return Accuracy(
        rmse=float(np.sqrt(((observed - np.median(drawn, 0)) ** 2).mean())),
        coverage={q: float((np.abs(rank - 0.5) < q / 2).mean()) for q in LEVELS},
        rows=len(observed),
    )
