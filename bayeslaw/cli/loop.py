"""`bayeslaw loop`: fit, choose, train, and again."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayeslaw.cli.option_files import read_constraints, read_weights
from bayeslaw.cli.options import (
    AllowFailed,
    ConstraintsFile,
    Json,
    Model,
    Normalised,
    Seed,
    Weights,
)
from bayeslaw.cli.rounds import (
    extend_study,
    fitted_round,
    possible_runs,
    train_all,
)
from bayeslaw.cli.run_options import (
    Anchor,
    Budget,
    Exchange,
    MinParams,
    MinShare,
    Overhead,
    StudyArgument,
    TargetParams,
    TargetTokens,
    Tolerance,
    required_target,
)
from bayeslaw.cli.terminal import print_json, print_lines

if TYPE_CHECKING:
    from bayeslaw.design import Ended, NextRuns, Round, Steps


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
    settings = required_target(params, tokens, budget)
    available = settings.pop("budget")
    from bayeslaw.design import run_loop

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
    ended = run_loop(
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
    from bayeslaw.design import Steps, next_runs
    from bayeslaw.inference import families_of

    def choose(budget: float, number: int) -> "NextRuns":
        draws = fitted_round(study, model, number, settings["seed"], quiet=quiet)
        importance = read_weights(weights, families_of(draws))
        return next_runs(draws, budget=budget, weights=importance, **settings)

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
        f"{100 * chosen['regret_then']:.2g}% expected"
    )
    print_lines(
        [f"round {one.number}: regret {100 * chosen['regret']:.2g}%, {ratios}; {then}"]
    )


def show_ended(ended: "Ended", *, as_json: bool) -> None:
    """Print how a loop ended and what it cost."""
    if as_json:
        print_json(ended.to_dict())
    else:
        _print_ended(ended)


def _print_ended(ended: "Ended") -> None:
    reasons = {
        "settled": "more runs cannot change the ratios by more than counts",
        "not worth it": "the best further runs cost more than they are worth",
        "unaffordable": "the rest of the budget pays no run",
        "failed checks": "the posterior failed its checks",
        "rounds": "the last round was made",
    }
    lines = [ended.message] if ended.message else []
    if ended.rounds:
        warnings = ended.rounds[-1].chosen["warnings"]
        lines += [f"Look before you trust: {warning}." for warning in warnings]
    lines.append(
        f"Stopped after {len(ended.rounds)} rounds and {ended.spent:.3g} FLOPs: "
        f"{reasons[ended.reason]}."
    )
    print_lines(lines)
