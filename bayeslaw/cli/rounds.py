"""The steps of a round: choose runs, write them, train them, fit again."""

from pathlib import Path
from typing import TYPE_CHECKING

from bayeslaw.cli.terminal import sampling_progress
from bayeslaw.errors import InputError

if TYPE_CHECKING:
    from bayeslaw.design import NextRuns
    from bayeslaw.inference import Fitted
    from bayeslaw.model import ModelSpec

# Draws per chain in a round of a loop; more if the chains have not converged.
DRAWS = (1000, 4000)
CONVERGENCE = {"R-hat", "bulk ESS", "tail ESS"}


def write_runs_asked(
    chosen: "NextRuns",
    output: Path | None,
    study: Path | None,
    fitted: "Fitted",
) -> Path | None:
    """Write the chosen runs as a study file or a table to fill in; return its path."""
    if output is None or not chosen.runs:
        return None
    if output.suffix == ".toml" and study is not None:
        extend_study(study, chosen, output)
        return output
    from bayeslaw.design import write_request

    write_request(
        chosen,
        output,
        study=output.stem,
        metric=fitted.law.outcome,
        unit=fitted.unit,
    )
    return output


def extend_study(study: Path, chosen: "NextRuns", output: Path) -> None:
    """Write a study file with the chosen runs added."""
    from bayeslaw.proxy.execution import AddedRun, add_runs

    add_runs(
        study,
        [
            AddedRun(run.proxy, run.mixture, tuple(map(int, run.tokens)), run.seed)
            for run in chosen.runs
        ],
        output,
        f"{len(chosen.runs)} runs for {chosen.cost:.3g} FLOPs, chosen by bayeslaw",
    )


def train_all(study: Path, *, quiet: bool) -> None:
    """Train the runs of a study that its table lacks.

    Raises:
      InputError: no run could be trained.
    """
    from bayeslaw.proxy.execution import train_study

    summary = train_study(study, progress=not quiet)
    if summary.failed and not summary.rows_added and not summary.skipped:
        raise InputError(
            "no run of the study could be trained",
            str(study),
            "; ".join(f"{run}: {why}" for run, why in summary.failed.items()),
            "at least one run that finishes",
            "correct the study file, then start the loop again; nothing measured is "
            "lost",
        )


def fitted_round(
    study: Path, spec: "ModelSpec", number: int, seed: int, *, quiet: bool
) -> "Fitted":
    """The posterior of a round, read from its file if it was already fitted."""
    from bayeslaw.checks import check
    from bayeslaw.data.losses import read_runs
    from bayeslaw.inference import (
        Fitted,
        SamplerSettings,
        fit,
        load_posterior,
        save_posterior,
    )

    table = read_runs(study.parent / "observations.csv")
    path = study.parent / "out" / "loop" / f"posterior-{number}.nc"
    if path.exists():
        old = Fitted.of(load_posterior(path))
        hashes = old.record["table_sha256"], old.record["spec_sha256"]
        if hashes == (table.sha256, spec.sha256):
            return old
    for draws in DRAWS:
        settings = SamplerSettings(draws=draws)
        with sampling_progress(quiet=quiet) as report:
            posterior = Fitted.of(
                fit(table, spec, seed=seed, settings=settings, report=report)
            )
        if not {one.name for one in check(posterior).failures} & CONVERGENCE:
            break
    save_posterior(posterior.tree, path)
    return posterior
