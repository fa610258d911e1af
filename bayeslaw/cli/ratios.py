"""`bayeslaw ratios`: sampling ratios for a target run."""

from typing import TYPE_CHECKING, Annotated

import typer

from bayeslaw.cli.option_files import (
    read_constraints,
    read_mixtures,
    read_sources,
    read_weights,
    require_recipe,
    write_recipe,
)
from bayeslaw.cli.options import (
    AllowFailed,
    ConstraintsFile,
    Json,
    MaxEpochs,
    Mix,
    Normalised,
    Pairs,
    Posterior,
    Probability,
    RecipeOutput,
    Repeats,
    RiskOption,
    Sources,
    Trainer,
    Weights,
    WorstShare,
)
from bayeslaw.cli.terminal import print_json, print_lines, print_table
from bayeslaw.numbers import probability_text

if TYPE_CHECKING:
    from bayeslaw.decisions import Decision


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
    from bayeslaw.decisions import optimal_ratios
    from bayeslaw.inference import Fitted, load_posterior

    require_recipe(recipe, output, sources)
    paths = read_sources(sources)
    fitted = Fitted.of(load_posterior(posterior))
    decision = optimal_ratios(
        fitted,
        N=params,
        D=tokens,
        weights=read_weights(weights, fitted.families),
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


def print_decision(decision: "Decision", *, pairs: bool = False) -> None:
    """Print recommended ratios, compared mixtures and what the numbers mean.

    Args:
      decision: result of `optimal_ratios`.
      pairs: print too how probably each compared mixture is better than each other.
    """
    share = f"{decision.probability:.0%}"
    print_table(
        f"Ratios ({decision.made_from.origin} rows)",
        ["family", "recommended", f"optimum, {share} interval", "flat range"],
        [
            [
                one.name,
                f"{one.ratio:.3f}",
                f"{one.lower:.3f} - {one.upper:.3f}",
                f"{one.flat_lower:.3f} - {one.flat_upper:.3f}",
            ]
            for one in decision.families
        ],
    )
    print()
    from bayeslaw.decisions import decision_sentences

    print_lines(decision_sentences(decision))
    if pairs:
        print()
        _print_pairs(decision)


def _print_pairs(decision: "Decision") -> None:
    """Rows A, columns B: names are long, so the columns have their rows' numbers."""
    names = list(decision.p_better)
    # No title of the table: it would wrap at the width of few columns.
    print(f"P(row has a lower loss than column), {decision.made_from.origin} rows")
    print_table(
        "",
        ["", *(str(i) for i in range(1, len(names) + 1))],
        [
            [
                f"{i} {name}",
                *(
                    "–"
                    if other == name
                    else probability_text(decision.p_better[name][other])
                    for other in names
                ),
            ]
            for i, name in enumerate(names, start=1)
        ],
    )
