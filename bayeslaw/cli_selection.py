"""Verbs of the command line about the runs to make next, and the closed loop."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayeslaw.argument_files import read_constraints, read_weights
from bayeslaw.arguments import (
    AllowFailed,
    ConstraintsFile,
    Json,
    Normalised,
    OptionalReportOutput,
    Seed,
    Weights,
)
from bayeslaw.errors import InputError
from bayeslaw.studies import (
    extend_study,
    fitted_round,
    possible_runs,
    train_all,
    write_runs_asked,
)

if TYPE_CHECKING:
    from bayeslaw.selection.loop import Steps
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
MinShare = Annotated[float, typer.Option(help="No mixture with less of any family.")]
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
    constraints: ConstraintsFile = None,
    overhead: Overhead = 0.0,
    min_params: MinParams = 0.0,
    min_share: MinShare = 0.01,
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
    if posterior.suffix != ".nc":
        _next_checkpoints(posterior, seed=seed, as_json=as_json)
        return
    wanted = _wanted(params, tokens, budget)
    _check_output(output, study)
    from bayeslaw.posterior import families_of, load_posterior
    from bayeslaw.selection import next_runs

    chosen = next_runs(
        draws := load_posterior(posterior),
        **wanted,
        runs=runs,
        **possible_runs(study, sizes, token_counts, overhead),
        weights=read_weights(weights, families_of(draws)),
        normalised=normalised,
        constraints=read_constraints(constraints),
        min_N=min_params,
        min_share=min_share,
        anchor=anchor,
        tolerance=tolerance,
        exchange=exchange,
        is_frugal=frugal,
        allow_failed_checks=allow_failed_checks,
        seed=seed,
    )
    _show(chosen, write_runs_asked(chosen, output, study, draws), as_json=as_json)


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
    runs: Annotated[int, typer.Option(min=1, help="Runs of a round at most.")] = 8,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds at most.")] = 20,
    weights: Weights = None,
    normalised: Normalised = False,
    constraints: ConstraintsFile = None,
    overhead: Overhead = 0.0,
    min_params: MinParams = 0.0,
    min_share: MinShare = 0.01,
    anchor: Anchor = 0.15,
    tolerance: Tolerance = 1e-4,
    exchange: Exchange = 1.0,
    allow_failed_checks: AllowFailed = False,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Fit, choose, train, and again, until there is a reason to stop.

    Each round may spend as much as all before it. Goes on where it was. Exit status
    2 if a check failed.
    """
    settings = _wanted(params, tokens, budget)
    available = settings.pop("budget")
    from bayeslaw.selection.loop import closed_loop
    from bayeslaw.terminal_selection import print_round, show_ended

    settings |= {
        "runs": runs,
        "normalised": normalised,
        "constraints": read_constraints(constraints),
        "min_N": min_params,
        "min_share": min_share,
        "anchor": anchor,
        "tolerance": tolerance,
        "exchange": exchange,
        "allow_failed_checks": allow_failed_checks,
        "seed": seed,
        **possible_runs(study, None, None, overhead),
    }
    ended = closed_loop(
        study,
        _steps(study, model, weights, settings, quiet=as_json),
        budget=available,
        rounds=rounds,
        report=(lambda _: None) if as_json else print_round,
    )
    show_ended(ended, as_json=as_json)
    if ended.reason == "failed checks":
        raise typer.Exit(2)


def _steps(
    study: Path,
    model: Path,
    weights: str | None,
    settings: dict[str, Any],
    *,
    quiet: bool,
) -> "Steps":
    """What a loop does in each round."""
    from bayeslaw.posterior import families_of
    from bayeslaw.selection import next_runs
    from bayeslaw.selection.loop import Steps

    def choose(budget: float, number: int) -> "NextRuns":
        draws = fitted_round(study, model, number, settings["seed"], quiet=quiet)
        importance = read_weights(weights, families_of(draws))
        return next_runs(draws, budget=budget, weights=importance, **settings)

    return Steps(
        train=lambda: train_all(study, quiet=quiet),
        choose=choose,
        add=lambda chosen: extend_study(study, chosen, study),
    )


def _show(chosen: "NextRuns", written: Path | None, *, as_json: bool) -> None:
    from bayeslaw.terminal import print_json
    from bayeslaw.terminal_selection import print_next

    if as_json:
        print_json(chosen.to_dict())
        return
    print_next(chosen)
    if written:
        print(f"runs: {written}")


def _next_checkpoints(table: Path, *, seed: int, as_json: bool) -> None:
    from bayeslaw.curves import read_curves
    from bayeslaw.downstream.analysis import breaks
    from bayeslaw.terminal import print_json
    from bayeslaw.terminal_selection import print_checkpoints

    decided = breaks(read_curves(table), seed=seed)
    if as_json:
        print_json(decided.to_dict())
    else:
        print_checkpoints(decided)


def _wanted(
    params: float | None, tokens: float | None, budget: float | None
) -> dict[str, Any]:
    """Target and budget, all of them given."""
    given = {"--params": params, "--tokens": tokens, "--budget": budget}
    if missing := [name for name, value in given.items() if value is None]:
        raise InputError(
            "the choice of runs needs more",
            "options",
            f"no {', '.join(missing)}",
            "--params and --tokens of the run to decide for, --budget in FLOPs",
            "add them",
        )
    return {"N": params, "D": tokens, "budget": budget}


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
