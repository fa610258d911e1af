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
    from bayeslaw.inference import families_of, load_posterior

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


def print_decision(decision: "Decision", *, pairs: bool = False) -> None:
    """Print recommended ratios, compared mixtures and what the numbers mean.

    Args:
      decision: result of `optimal_ratios`.
      pairs: print too how probably each compared mixture is better than each other.
    """
    share = f"{decision.probability:.0%}"
    print_table(
        f"Ratios ({decision.origin} rows)",
        ["family", "recommended", f"optimum, {share} interval", "flat range"],
        [
            [
                family,
                f"{decision.ratios[family]:.3f}",
                f"{decision.lower[family]:.3f} - {decision.upper[family]:.3f}",
                f"{decision.flat_lower[family]:.3f} - "
                f"{decision.flat_upper[family]:.3f}",
            ]
            for family in decision.families
        ],
    )
    print()
    print_lines(decision.sentences())
    if pairs:
        print()
        _print_pairs(decision)


def _print_pairs(decision: "Decision") -> None:
    """Rows A, columns B: names are long, so the columns have their rows' numbers."""
    from bayeslaw.decisions import probability

    names = list(decision.p_better)
    # No title of the table: it would wrap at the width of few columns.
    print(f"P(row has a lower loss than column), {decision.origin} rows")
    print_table(
        "",
        ["", *(str(i) for i in range(1, len(names) + 1))],
        [
            [
                f"{i} {name}",
                *(
                    "–"
                    if rival == name
                    else probability(decision.p_better[name][rival])
                    for rival in names
                ),
            ]
            for i, name in enumerate(names, start=1)
        ],
    )
