"""`bayeslaw loop`: fit, choose, train, and again."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bayeslaw.cli.option_files import read_constraints
from bayeslaw.cli.options import (
    AllowFailed,
    ConstraintsFile,
    Json,
    Model,
    Normalised,
    Seed,
    Weights,
)
from bayeslaw.cli.rounds import extend_study, fitted_round, train_all
from bayeslaw.cli.run_options import (
    DEFAULTS,
    Anchor,
    Budget,
    Exchange,
    MinParams,
    MinShare,
    Overhead,
    Request,
    StudyArgument,
    TargetParams,
    TargetTokens,
    Tolerance,
    choose_runs,
    possible_runs,
    required_target,
)
from bayeslaw.cli.terminal import print_json, print_lines
from bayeslaw.design import DesignSettings
from bayeslaw.numbers import percent

if TYPE_CHECKING:
    from bayeslaw.design import Ended, NextRuns, Round, Steps
    from bayeslaw.model import ModelSpec


RoundRuns = Annotated[
    int, typer.Option(min=1, help="Largest number of runs in a round.")
]
Rounds = Annotated[int, typer.Option(min=1, help="Largest number of rounds.")]


def loop(
    study: StudyArgument,
    model: Model,
    params: TargetParams = None,
    tokens: TargetTokens = None,
    budget: Budget = None,
    runs: RoundRuns = DEFAULTS.runs,
    rounds: Rounds = 20,
    weights: Weights = None,
    normalised: Normalised = False,
    constraints: ConstraintsFile = None,
    overhead: Overhead = DEFAULTS.costs.overhead,
    min_params: MinParams = DEFAULTS.min_N,
    min_share: MinShare = DEFAULTS.min_share,
    anchor: Anchor = DEFAULTS.anchor,
    tolerance: Tolerance = DEFAULTS.tolerance,
    exchange: Exchange = DEFAULTS.exchange,
    allow_failed_checks: AllowFailed = False,
    seed: Seed = DEFAULTS.seed,
    as_json: Json = False,
) -> None:
    """Fit, choose and train runs until there is a reason to stop.

    Each round may spend as much as all before it. A loop that was stopped continues
    where it was. Exit status 2 if a check failed.
    """
    from bayeslaw.design import run_loop
    from bayeslaw.model import read_spec

    target = required_target(params, tokens, budget)
    limits = read_constraints(constraints)
    request = Request(*target, weights, normalised, limits, allow_failed_checks)
    settings = DesignSettings(
        runs,
        *possible_runs(study, overhead),
        min_N=min_params,
        min_share=min_share,
        anchor=anchor,
        tolerance=tolerance,
        exchange=exchange,
        seed=seed,
    )
    ended = run_loop(
        study,
        _steps(study, read_spec(model), request, settings, quiet=as_json),
        budget=request.budget,
        rounds=rounds,
        report=(lambda _: None) if as_json else print_round,
    )
    show_ended(ended, as_json=as_json)
    if ended.reason == "failed checks":
        raise typer.Exit(2)


def _steps(
    study: Path,
    spec: "ModelSpec",
    request: Request,
    settings: DesignSettings,
    *,
    quiet: bool,
) -> "Steps":
    """What a loop does in each round."""
    from bayeslaw.design import Steps

    def choose(budget: float, number: int) -> "NextRuns":
        fitted = fitted_round(study, spec, number, settings.seed, quiet=quiet)
        return choose_runs(fitted, request._replace(budget=budget), settings)

    return Steps(
        train=lambda: train_all(study, quiet=quiet),
        choose=choose,
        add=lambda chosen: extend_study(study, chosen, study),
    )


def print_round(one: "Round") -> None:
    """Print one line of a loop as it goes."""
    chosen = one.chosen
    ratios = " ".join(f"{k} {v:.3f}" for k, v in chosen["ratios"].items())
    then = (
        chosen["stop"]
        or f"{len(chosen['runs'])} runs for {chosen['cost']:.2g} FLOPs, then "
        f"an expected regret of {percent(chosen['regret_then'])}"
    )
    print_lines(
        [f"round {one.number}: regret {percent(chosen['regret'])}, {ratios}; {then}"]
    )


def show_ended(ended: "Ended", *, as_json: bool) -> None:
    """Print how a loop ended and what it cost."""
    if as_json:
        print_json(ended.to_dict())
    else:
        _print_ended(ended)


def _print_ended(ended: "Ended") -> None:
    from bayeslaw.checks import warning_sentence

    reasons = {
        "settled": "more runs cannot improve the decision by more than the tolerance",
        "not worth it": "the best further runs cost more than they are worth",
        "unaffordable": "the rest of the budget is too small for any run",
        "failed checks": "the posterior failed its checks",
        "rounds": "the largest number of rounds is reached",
    }
    lines = [ended.message] if ended.message else []
    if ended.rounds:
        warnings = ended.rounds[-1].chosen["warnings"]
        lines += [warning_sentence(one) for one in warnings]
    lines.append(
        f"Stopped after {len(ended.rounds)} rounds and {ended.spent:.3g} FLOPs: "
        f"{reasons[ended.reason]}."
    )
    print_lines(lines)
