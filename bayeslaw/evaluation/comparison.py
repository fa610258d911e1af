"""Compare fitted models by how well they predict held-out runs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bayeslaw.checks import check
from bayeslaw.data.losses import RunTable
from bayeslaw.evaluation.elpd import Score, paired_scores, stacking_weights
from bayeslaw.evaluation.fitted_models import (
    FittedModel,
    Largest,
    RowKey,
    fitted_model,
    largest_runs,
    shared_rows,
)
from bayeslaw.evaluation.held_out import (
    Accuracy,
    Refit,
    accuracy,
    leave_one_run_out,
    max_pareto_k,
    refit_log_density,
    refit_without,
)
from bayeslaw.inference import Fitted, Posterior, Report, SamplerSettings

REFIT_SETTINGS = SamplerSettings(chains=4, warmup=400, draws=250)
# Short chains of many refits: above it a refit is named, not hidden.
MAX_REFIT_RHAT = 1.05
MIN_RUNS_FOR_SE = 10


@dataclass(frozen=True)
class ModelScore:
    """Scores of one model in a comparison.

    Attributes:
      name: name of the model.
      one_out: score of each run left out in turn.
      largest: score of the largest runs, all left out together.
      weight: stacking weight, from the runs left out in turn.
      accuracy: errors and interval coverage at the largest runs.
      refitted: runs for which importance sampling was unreliable, so that the model was
        refitted without them.
      not_refitted: such runs beyond `max_refits`, whose scores are unreliable.
      refit_rhat: largest R-hat of all refits.
      refit_divergences: divergent iterations of all refits.
      failed_checks: checks that the posterior failed.
      by_run: log density of each run left out, by run.
      largest_by_run: log density of each of the largest runs, by run.
    """

    name: str
    one_out: Score
    largest: Score
    weight: float
    accuracy: Accuracy
    refitted: tuple[str, ...]
    not_refitted: tuple[str, ...]
    refit_rhat: float
    refit_divergences: int
    failed_checks: tuple[str, ...]
    by_run: dict[str, float]
    largest_by_run: dict[str, float]


@dataclass(frozen=True)
class Comparison:
    """Models ranked by the log density of held-out runs.

    Attributes:
      models: best first, by the score of runs left out in turn.
      rows: number of rows scored, the same for all models.
      runs: number of runs they belong to.
      largest: what the largest runs have in common, in words.
      largest_runs: their names.
      origin: origin of the rows.
      notes: what was omitted or is unreliable, one sentence each.
    """

    models: tuple[ModelScore, ...]
    rows: int
    runs: int
    largest: str
    largest_runs: tuple[str, ...]
    origin: str
    notes: tuple[str, ...]

    @property
    def weights(self) -> dict[str, float]:
        """Stacking weight of each model."""
        return {model.name: model.weight for model in self.models}

    def stacked(self, names: Sequence[str]) -> dict[str, float]:
        """Stacking weights among a subset of the models."""
        chosen = [model for model in self.models if model.name in names]
        runs = list(chosen[0].by_run)
        density = np.array([[model.by_run[run] for run in runs] for model in chosen])
        weights = stacking_weights(density).tolist()
        return {m.name: w for m, w in zip(chosen, weights, strict=True)}

    def to_dict(self) -> dict[str, Any]:
        """Convert to a plain record for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class _Scored:
    """Everything measured of one model, before models are set side by side."""

    model: FittedModel
    by_run: dict[str, float]
    largest_by_run: dict[str, float]
    accuracy: Accuracy
    refitted: tuple[str, ...]
    not_refitted: tuple[str, ...]
    refits: list[Refit]


def compare(
    posteriors: Mapping[str, Posterior],
    table: RunTable,
    *,
    largest: Largest = "N",
    max_refits: int | None = None,
    settings: SamplerSettings = REFIT_SETTINGS,
    seed: int = 0,
    report: Report | None = None,
) -> Comparison:
    """Compare models by the log density of whole held-out runs.

    All models are scored on the same rows, in two ways. Leaving out each run in turn
    tests interpolation. Leaving out all of the largest runs together tests the
    extrapolation that a scaling law is for. The rows of a run are scored jointly, with
    its run effect unknown.

    Args:
      posteriors: results of `fit` by name.
      table: the table they were fitted to.
      largest: whether the largest runs are those of the largest "N", or the tenth of
        the runs with the most "compute" (6 N D).
      max_refits: maximum number of runs refitted for each model, worst first; all for
        which importance sampling is unreliable if None.
      settings: settings of the sampler in refits.
      seed: random seed.
      report: progress callback (phase, done, total, divergences so far).

    Returns:
      the comparison, see `Comparison`.

    Raises:
      InputError: a posterior belongs to another table, or the models share no row, or
        all runs are equally large.

    Source: grouped cross-validation: Vehtari, Gelman and Gabry 2017, arXiv 1507.04544;
    stacking: Yao et al. 2018, arXiv 1704.02030.

    Example:
      >>> posteriors = {name: fit(table, name)
      ...               for name in ("default", "he2024_partial_pooling")}
      >>> compare(posteriors, table).weights
    """
    fitted = {name: Fitted.of(posterior) for name, posterior in posteriors.items()}
    models = [fitted_model(name, one, table) for name, one in fitted.items()]
    rows = shared_rows(models)
    held_out, what = largest_runs(table, rows, largest)
    found = [
        _score(one, rows, held_out, max_refits, settings, seed, report)
        for one in models
    ]
    failed = {
        name: tuple(failure.name for failure in check(one).failures)
        for name, one in fitted.items()
    }
    return Comparison(
        models=_ranked(found, failed),
        rows=len(rows),
        runs=len(found[0].by_run),
        largest=what,
        largest_runs=held_out,
        origin=next(iter(fitted.values())).origin,
        notes=tuple(_notes(found, rows, failed)),
    )


def _score(
    one: FittedModel,
    rows: set[RowKey],
    held_out: tuple[str, ...],
    max_refits: int | None,
    settings: SamplerSettings,
    seed: int,
    report: Report | None,
) -> _Scored:
    """Both scores of one model, with refits where importance sampling is unreliable."""
    left_out = leave_one_run_out(one, rows)
    named = {run for run, *_ in rows}
    by_run = {
        run: float(value)
        for run, value in zip(one.layout.runs, left_out.log_density, strict=True)
        if run in named
    }
    pareto_k = dict(zip(one.layout.runs, left_out.pareto_k, strict=True))
    worst_first = sorted(by_run, key=lambda run: -pareto_k[run])
    limit = max_pareto_k(one)
    # A k that is not a number comes from weights that say nothing.
    bad = [run for run in worst_first if not pareto_k[run] <= limit]
    refitted = bad[:max_refits]
    groups: Sequence[Sequence[str]] = [held_out, *([run] for run in refitted)]
    refits = refit_without(one, groups, settings, seed, report)
    for run, refit in zip(refitted, refits[1:], strict=True):
        by_run[run] = refit_log_density(one, refit, rows)[run]
    largest = refit_log_density(one, refits[0], rows)
    return _Scored(
        model=one,
        by_run=by_run,
        largest_by_run={run: largest[run] for run in held_out},
        accuracy=accuracy(one, refits[0], held_out, rows, seed),
        refitted=tuple(refitted),
        not_refitted=tuple(bad[len(refitted) :]),
        refits=refits,
    )


def _ranked(
    found: Sequence[_Scored], failed: Mapping[str, tuple[str, ...]]
) -> tuple[ModelScore, ...]:
    """Models set side by side, best first."""
    # Models may hold the runs in different orders.
    runs, largest_runs = list(found[0].by_run), list(found[0].largest_by_run)
    one_out = np.array([[one.by_run[run] for run in runs] for one in found])
    largest = np.array(
        [[one.largest_by_run[run] for run in largest_runs] for one in found]
    )
    weights = stacking_weights(one_out)
    scores = zip(paired_scores(one_out), paired_scores(largest), strict=True)
    models = [
        ModelScore(
            name=one.model.name,
            one_out=of_one_out,
            largest=of_largest,
            weight=float(weight),
            accuracy=one.accuracy,
            refitted=one.refitted,
            not_refitted=one.not_refitted,
            refit_rhat=max(refit.rhat for refit in one.refits),
            refit_divergences=sum(refit.divergences for refit in one.refits),
            failed_checks=failed[one.model.name],
            by_run=one.by_run,
            largest_by_run=one.largest_by_run,
        )
        for one, weight, (of_one_out, of_largest) in zip(
            found, weights, scores, strict=True
        )
    ]
    return tuple(sorted(models, key=lambda model: -model.one_out.total))


def _notes(
    found: Sequence[_Scored],
    rows: set[RowKey],
    failed: Mapping[str, tuple[str, ...]],
) -> Iterator[str]:
    """Notes on what was omitted and what is unreliable."""
    for one in found:
        name, extra = one.model.name, len(one.model.table) - len(rows)
        if extra:
            yield (
                f"{name}: fitted to {extra} rows that other models do not use; scored "
                f"on the {len(rows)} rows that all models use."
            )
        if failed[name]:
            yield f"{name}: FAILED CHECKS: {', '.join(failed[name])}."
        if one.not_refitted:
            yield (
                f"{name}: {len(one.not_refitted)} runs scored by importance sampling "
                "although it is unreliable for them (Pareto k above its limit); raise "
                "--max-refits."
            )
        worst = max(refit.rhat for refit in one.refits)
        if worst > MAX_REFIT_RHAT:
            yield (
                f"{name}: R-hat {worst:.2f} in a refit (limit: at most "
                f"{MAX_REFIT_RHAT}); raise --warmup and --draws."
            )
    if len(found[0].largest_by_run) < MIN_RUNS_FOR_SE:
        yield (
            f"{len(found[0].largest_by_run)} runs are too few for a reliable standard "
            "error at the largest scale; treat it as a rough estimate."
        )
