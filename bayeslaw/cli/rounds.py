"""Study files between choosing and training runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayeslaw.cli.terminal import sampling_progress
from bayeslaw.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

    from bayeslaw.design import NextRuns

# Draws of each chain in a round of a loop; more where the first are too few to tell.
DRAWS = (1000, 4000)


CONVERGENCE = {"R-hat", "bulk ESS", "tail ESS"}


def possible_runs(
    study: Path | None, sizes: str | None, token_counts: str | None, overhead: float
) -> dict[str, Any]:
    """Sizes, token counts and costs to choose from, as `next_runs` takes them.

    Args:
      study: study file whose proxies may be trained; None for the lists alone.
      sizes: list of N with commas between; not with a study.
      token_counts: the same of D; those of the study if None.
      overhead: FLOPs that any run costs beside 6 N D.

    Raises:
      InputError: a list is none of numbers, or sizes are given twice.
    """
    from bayeslaw.design import Costs

    counts = _numbers(token_counts, "--token-counts")
    listed = _numbers(sizes, "--sizes")
    named = {f"N{size:.6g}": size for size in listed} or None
    if study is None:
        return {"sizes": named, "tokens": counts or None, "costs": Costs(overhead)}
    if named:
        raise InputError(
            "sizes given twice",
            "options --study and --sizes",
            sizes or "",
            "one of them",
            "name further sizes under [proxies] in the study",
        )
    from bayeslaw.proxy.execution import sizes_of, tokens_of
    from bayeslaw.proxy.study import read_study

    content = read_study(study)
    return {
        "sizes": sizes_of(content),
        "tokens": counts or tokens_of(content),
        "costs": Costs(overhead, content.training.cooldown_fraction),
    }


def _numbers(text: str | None, option: str) -> Sequence[float]:
    try:
        return [float(word) for word in (text or "").split(",") if word.strip()]
    except ValueError:
        raise InputError(
            "not a list of numbers",
            f"option {option}",
            text or "",
            "numbers with commas between them, such as 1e6,4e6",
            "correct the list",
        ) from None


def write_runs_asked(
    chosen: "NextRuns",
    output: Path | None,
    study: Path | None,
    posterior: "xr.DataTree",
) -> Path | None:
    """Write chosen runs, if any: a study file, or a table to fill in; says where."""
    if output is None or not chosen.runs:
        return None
    if output.suffix == ".toml" and study is not None:
        extend_study(study, chosen, output)
        return output
    from bayeslaw.design import write_request
    from bayeslaw.inference import provenance, spec_of

    write_request(
        chosen,
        output,
        study=output.stem,
        metric=spec_of(posterior).law_record.outcome,
        unit=", ".join(provenance(posterior)["unit"]),
    )
    return output


def extend_study(study: Path, chosen: "NextRuns", output: Path) -> None:
    """Write a study file with chosen runs added."""
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
    """Train what a study asks for and its table lacks.

    Raises:
      InputError: no run of it could be trained.
    """
    from bayeslaw.proxy.execution import train_study

    summary = train_study(study, progress=not quiet)
    if summary.failed and not summary.rows_added and not summary.skipped:
        raise InputError(
            "no run of the study could be trained",
            str(study),
            "; ".join(f"{run}: {why}" for run, why in summary.failed.items()),
            "runs that finish",
            "mend the study, then start the loop again",
        )


def fitted_round(
    study: Path, model: Path, number: int, seed: int, *, quiet: bool
) -> "xr.DataTree":
    """The posterior of a round, from its file where it was fitted already."""
    from bayeslaw.checks import check
    from bayeslaw.data.losses import read_runs
    from bayeslaw.inference import (
        SamplerSettings,
        fit,
        load_posterior,
        provenance,
        save_posterior,
    )
    from bayeslaw.model import read_spec

    table = read_runs(study.parent / "observations.csv")
    spec = read_spec(model)
    path = study.parent / "out" / "loop" / f"posterior-{number}.nc"
    if path.exists():
        old = load_posterior(path)
        record = provenance(old)
        if (record["table_sha256"], record["spec_sha256"]) == (
            table.sha256,
            spec.sha256,
        ):
            return old
    for draws in DRAWS:
        settings = SamplerSettings(draws=draws)
        with sampling_progress(quiet=quiet) as report:
            posterior = fit(table, spec, seed=seed, settings=settings, report=report)
        if not {one.name for one in check(posterior).failures} & CONVERGENCE:
            break
    save_posterior(posterior, path)
    return posterior
