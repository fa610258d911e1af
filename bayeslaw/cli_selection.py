"""Verbs of the command line about the runs to make next, and the closed loop."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayeslaw.arguments import (
    AllowFailed,
    Json,
    Normalised,
    OptionalReportOutput,
    Seed,
    Weights,
    read_weights,
)
from bayeslaw.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

    from bayeslaw.selection.plan import NextRuns

Source = Annotated[
    Path,
    typer.Argument(
        metavar="POSTERIOR", help="Result of `bayeslaw fit`; or a table of scores."
    ),
]
TargetParams = Annotated[
    float | None, typer.Option(help="Parameters N* to decide for.")
]
TargetTokens = Annotated[float | None, typer.Option(help="Tokens D* to decide for.")]
Budget = Annotated[float | None, typer.Option(help="FLOPs of all runs together.")]
Runs = Annotated[int, typer.Option(min=1, help="Runs at most.")]
StudyOption = Annotated[
    Path | None,
    typer.Option(help="Study whose proxies and token counts to choose from."),
]
Sizes = Annotated[
    str | None, typer.Option(metavar="N,N,...", help="Sizes to choose from.")
]
TokenCounts = Annotated[
    str | None, typer.Option(metavar="D,D,...", help="Token counts to choose from.")
]
Overhead = Annotated[
    float, typer.Option(min=0, help="FLOPs that any run costs beside 6 N D.")
]
MinParams = Annotated[float, typer.Option(min=0, help="No smaller proxies.")]
Anchor = Annotated[
    float,
    typer.Option(min=0, max=0.99, help="Share of the budget for one large run."),
]
Tolerance = Annotated[
    float, typer.Option(min=0, help="Regret, a share of the loss, that is nothing.")
]
Exchange = Annotated[
    float,
    typer.Option(
        help="FLOPs for proxies that one of the target run is worth; inf: any cost."
    ),
]
Frugal = Annotated[
    bool, typer.Option("--frugal", help="Gain for the cost; need not use the budget.")
]
StudyArgument = Annotated[Path, typer.Argument(metavar="STUDY", help="study.toml.")]
Model = Annotated[Path, typer.Option(help="Model spec, TOML.")]


def next_(
    posterior: Source,
    params: TargetParams = None,
    tokens: TargetTokens = None,
    budget: Budget = None,
    runs: Runs = 8,
    study: StudyOption = None,
    sizes: Sizes = None,
    token_counts: TokenCounts = None,
    output: OptionalReportOutput = None,
    weights: Weights = None,
    normalised: Normalised = False,
    overhead: Overhead = 0.0,
    min_params: MinParams = 0.0,
    anchor: Anchor = 0.15,
    tolerance: Tolerance = 1e-4,
    exchange: Exchange = 1.0,
    frugal: Frugal = False,
    allow_failed_checks: AllowFailed = False,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Choose the runs to make next.

    With -o a study file (.toml, with --study) that `bayeslaw train` goes on with, or a
    table to fill in (.csv) that `bayeslaw append` takes up.
    """
    from bayeslaw.posterior import load_posterior
    from bayeslaw.terminal import print_json
    from bayeslaw.terminal_selection import print_next

    if posterior.suffix != ".nc":
        _next_checkpoints(posterior, seed=seed, as_json=as_json)
        return
    _require_target({"--params": params, "--tokens": tokens, "--budget": budget})
    _check_output(output, study)
    loaded = load_posterior(posterior)
    from bayeslaw.selection import next_runs

    chosen = next_runs(
        loaded,
        N=params or 0,
        D=tokens or 0,
        budget=budget or 0,
        runs=runs,
        **_possible(study, sizes, token_counts, overhead),
        weights=read_weights(weights),
        normalised=normalised,
        min_N=min_params,
        anchor=anchor,
        tolerance=tolerance,
        exchange=exchange,
        is_frugal=frugal,
        allow_failed_checks=allow_failed_checks,
        seed=seed,
    )
    if output and chosen.runs:
        _write(chosen, output, study, loaded)
    if as_json:
        print_json(chosen.to_dict())
    else:
        print_next(chosen)
        if output and chosen.runs:
            print(f"runs: {output}")


def append(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="CSV to add to.")],
    results: Annotated[
        Path, typer.Argument(metavar="RESULTS", help="Table of measured rows.")
    ],
    as_json: Json = False,
) -> None:
    """Append measured rows to a table.

    All of them or none; rows it has already are left alone.
    """
    from bayeslaw.selection.request import append_results
    from bayeslaw.terminal import print_json

    added = append_results(table, results)
    if as_json:
        print_json(vars(added))
        return
    print(f"{added.rows} rows appended to {table}, {added.same} were there already")
    if added.left_out:
        print(
            f"left out, as the table has no such columns: {', '.join(added.left_out)}"
        )


def loop(
    study: StudyArgument,
    model: Model,
    params: TargetParams = None,
    tokens: TargetTokens = None,
    budget: Budget = None,
    runs: Annotated[int, typer.Option(min=1, help="Runs of a round at most.")] = 4,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds at most.")] = 20,
    weights: Weights = None,
    normalised: Normalised = False,
    overhead: Overhead = 0.0,
    min_params: MinParams = 0.0,
    tolerance: Tolerance = 1e-4,
    exchange: Exchange = 1.0,
    allow_failed_checks: AllowFailed = False,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Fit, choose, train, and again, until there is a reason to stop.

    Goes on where it was. Exit status 2 if a check failed.
    """
    _require_target({"--params": params, "--tokens": tokens, "--budget": budget})
    from bayeslaw.selection.loop import Steps, closed_loop
    from bayeslaw.terminal import print_json
    from bayeslaw.terminal_selection import print_ended, print_round

    def choose(left: float, number: int) -> "NextRuns":
        from bayeslaw.selection import next_runs

        posterior = _fitted(study, model, number, seed, quiet=as_json)
        return next_runs(
            posterior,
            N=params or 0,
            D=tokens or 0,
            budget=max(left, 1.0),
            runs=runs,
            **_possible(study, None, None, overhead),
            weights=read_weights(weights),
            normalised=normalised,
            min_N=min_params,
            anchor=0.0,
            tolerance=tolerance,
            exchange=exchange,
            is_frugal=True,
            allow_failed_checks=allow_failed_checks,
            seed=seed,
        )

    ended = closed_loop(
        study,
        Steps(
            train=lambda: _train(study, quiet=as_json),
            choose=choose,
            add=lambda chosen: _extend(study, chosen, study),
        ),
        budget=budget or 0,
        rounds=rounds,
        report=(lambda _: None) if as_json else print_round,
    )
    if as_json:
        print_json(ended.to_dict())
    else:
        print_ended(ended)
    if ended.reason == "failed checks":
        raise typer.Exit(2)


def _next_checkpoints(table: Path, *, seed: int, as_json: bool) -> None:
    """Which checkpoints of downstream curves to fine-tune next."""
    from bayeslaw.curves import read_curves
    from bayeslaw.downstream.analysis import breaks
    from bayeslaw.terminal import print_json
    from bayeslaw.terminal_selection import print_checkpoints

    decided = breaks(read_curves(table), seed=seed)
    if as_json:
        print_json(decided.to_dict())
    else:
        print_checkpoints(decided)


def _require_target(given: dict[str, float | None]) -> None:
    missing = [name for name, value in given.items() if value is None]
    if missing:
        raise InputError(
            "the choice of runs needs more",
            "options",
            f"no {', '.join(missing)}",
            "--params and --tokens of the run to decide for, --budget in FLOPs",
            "add them",
        )


def _check_output(output: Path | None, study: Path | None) -> None:
    """Refuse an output that could not be used, before the work is done."""
    if output is None or output.suffix == ".csv":
        return
    if (
        output.suffix != ".toml"
        or study is None
        or output.parent.absolute() != study.parent.absolute()
    ):
        raise InputError(
            "output of the wrong kind",
            f"option --output, {output}",
            f"--study {study}" if study else "no --study",
            "a .csv, or with --study a .toml in the folder of the study: its table "
            "and corpus are found from there",
            "name such a file",
        )


def _possible(
    study: Path | None, sizes: str | None, token_counts: str | None, overhead: float
) -> dict[str, Any]:
    """Sizes, token counts and costs to choose from."""
    from bayeslaw.selection import Costs

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
    from bayeslaw.proxy.growth import sizes_of, tokens_of
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


def _write(
    chosen: "NextRuns", output: Path, study: Path | None, posterior: "xr.DataTree"
) -> None:
    if output.suffix == ".toml" and study is not None:
        _extend(study, chosen, output)
        return
    from bayeslaw.posterior import provenance, spec_of
    from bayeslaw.selection.request import write_request

    write_request(
        chosen,
        output,
        study=output.stem,
        metric=spec_of(posterior).law_record.outcome,
        unit=", ".join(provenance(posterior)["unit"]),
    )


def _extend(study: Path, chosen: "NextRuns", output: Path) -> None:
    """Write chosen runs into a study file."""
    from bayeslaw.proxy.growth import AddedRun, add_runs

    add_runs(
        study,
        [
            AddedRun(run.proxy, run.mixture, tuple(map(int, run.tokens)), run.seed)
            for run in chosen.runs
        ],
        output,
        f"{len(chosen.runs)} runs for {chosen.cost:.3g} FLOPs, chosen by bayeslaw",
    )


def _train(study: Path, *, quiet: bool) -> None:
    from bayeslaw.proxy.executor import train_study

    summary = train_study(study, progress=not quiet)
    if summary.failed and not summary.rows_added and not summary.skipped:
        raise InputError(
            "no run of the study could be trained",
            str(study),
            "; ".join(f"{run}: {why}" for run, why in summary.failed.items()),
            "runs that finish",
            "mend the study, then start the loop again",
        )


def _fitted(
    study: Path, model: Path, number: int, seed: int, *, quiet: bool
) -> "xr.DataTree":
    """The posterior of a round, from its file where it was fitted already."""
    from bayeslaw.fitting import fit
    from bayeslaw.posterior import load_posterior, provenance, save_posterior
    from bayeslaw.runs import read_runs
    from bayeslaw.spec import read_spec
    from bayeslaw.terminal import sampling_progress

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
    with sampling_progress(quiet=quiet) as report:
        posterior = fit(table, spec, seed=seed, report=report)
    save_posterior(posterior, path)
    return posterior
