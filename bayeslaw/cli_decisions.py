"""Verbs of the command line about ratios: decide, and report."""

from typing import Annotated

import typer

from bayeslaw.argument_files import (
    read_constraints,
    read_mixtures,
    read_sources,
    read_weights,
    require_recipe,
    write_recipe,
)
from bayeslaw.arguments import (
    AllowFailed,
    ConstraintsFile,
    Json,
    MaxEpochs,
    Mix,
    Normalised,
    Pairs,
    Params,
    Posterior,
    Probability,
    RecipeOutput,
    Repeats,
    ReportOutput,
    RiskOption,
    Sources,
    Tokens,
    Trainer,
    Weights,
    WorstShare,
)


def ratios(
    posterior: Posterior,
    params: Annotated[float, typer.Option(help="Non-embedding parameters N*.")],
    tokens: Annotated[float, typer.Option(help="Training tokens D*.")],
    weights: Weights = None,
    mix: Mix = None,
    normalised: Normalised = False,
    constraints: ConstraintsFile = None,
    max_epochs: MaxEpochs = None,
    repeat: Repeats = False,
    risk: RiskOption = None,
    worst_share: WorstShare = None,
    probability: Probability = 0.9,
    pairs: Pairs = False,
    recipe: Trainer = None,
    output: RecipeOutput = None,
    sources: Sources = None,
    allow_failed_checks: AllowFailed = False,
    as_json: Json = False,
) -> None:
    """Choose sampling ratios for a target run, with their regret."""
    from bayeslaw.posterior import families_of, load_posterior
    from bayeslaw.ratios import optimal_ratios
    from bayeslaw.terminal import print_decision, print_json

    require_recipe(recipe, output, sources)
    paths = read_sources(sources)
    draws = load_posterior(posterior)
    decision = optimal_ratios(
        draws,
        N=params,
        D=tokens,
        weights=read_weights(weights, families_of(draws)),
        mixtures=read_mixtures(mix),
        normalised=normalised,
        constraints=read_constraints(
            constraints, max_epochs, repeat, risk, worst_share
        ),
        probability=probability,
        allow_failed_checks=allow_failed_checks,
    )
    if recipe and output:
        write_recipe(decision, recipe, output, paths)
    if as_json:
        print_json(decision.to_dict() | ({"recipe": str(output)} if recipe else {}))
        return
    print_decision(decision, pairs=pairs)
    if recipe:
        print(f"recipe of {recipe}: {output}")


def report(
    posterior: Posterior,
    output: ReportOutput,
    params: Params = None,
    tokens: Tokens = None,
    weights: Weights = None,
    mix: Mix = None,
    normalised: Normalised = False,
    constraints: ConstraintsFile = None,
    max_epochs: MaxEpochs = None,
    repeat: Repeats = False,
    risk: RiskOption = None,
    worst_share: WorstShare = None,
    probability: Probability = 0.9,
    allow_failed_checks: AllowFailed = False,
    as_json: Json = False,
) -> None:
    """Write decision, curves, checks and provenance as one HTML file."""
    from bayeslaw.posterior import families_of, load_posterior
    from bayeslaw.reporting import report
    from bayeslaw.terminal import print_json

    draws = load_posterior(posterior)
    path = report(
        draws,
        output,
        N=params,
        D=tokens,
        weights=read_weights(weights, families_of(draws)),
        mixtures=read_mixtures(mix),
        normalised=normalised,
        constraints=read_constraints(
            constraints, max_epochs, repeat, risk, worst_share
        ),
        probability=probability,
        allow_failed_checks=allow_failed_checks,
    )
    if as_json:
        print_json({"report": str(path)})
    else:
        print(f"report: {path}")
