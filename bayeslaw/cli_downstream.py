"""The verb of the command line about downstream scores."""

from typing import Annotated

import typer

from bayeslaw.arguments import (
    Json,
    OptionalReportOutput,
    OriginOption,
    Probability,
    Seed,
    Table,
    UnitOption,
)


def breaks(
    table: Table,
    metric: Annotated[
        str | None, typer.Option(help="The one to decide about; BLEU by default.")
    ] = None,
    tokens: Annotated[
        float | None,
        typer.Option(help="D_p to think of next; twice the last by default."),
    ] = None,
    value: Annotated[float, typer.Option(help="Worth of one unit of the score.")] = 1.0,
    cost: Annotated[
        float, typer.Option(help="Cost of 10^9 tokens, in the same currency.")
    ] = 0.0,
    matters: Annotated[
        float | None, typer.Option(help="Change of the score that counts as one.")
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            max=0.9,
            help="Share of curves that break in a decade of D_p; .067 by default.",
        ),
    ] = None,
    nuts: Annotated[
        bool, typer.Option("--nuts", help="Sample the hierarchical model (minutes).")
    ] = False,
    lower_is_better: Annotated[
        bool, typer.Option("--lower-is-better", help="The metric is a loss.")
    ] = False,
    logit: Annotated[
        bool, typer.Option("--logit", help="The logit of the score follows the law.")
    ] = False,
    output: OptionalReportOutput = None,
    probability: Probability = 0.9,
    seed: Seed = 0,
    origin: OriginOption = None,
    unit: UnitOption = None,
    as_json: Json = False,
) -> None:
    """Does a downstream score stop following its law, and what to do?

    For each curve of a table of scores: P(break), and whether to keep pretraining.
    """
    import math

    from bayeslaw.curves import read_curves
    from bayeslaw.downstream.analysis import breaks, chosen_metric, usual_change
    from bayeslaw.downstream.card import Prices
    from bayeslaw.downstream.posterior import USUAL_PRIOR, BreakPrior
    from bayeslaw.terminal import print_json
    from bayeslaw.terminal_downstream import print_breaks

    scores = read_curves(table, origin=origin, unit=unit)
    if matters is None:
        matters = usual_change(scores, chosen_metric(scores, metric)[0])
    decided = breaks(
        scores,
        metric=metric,
        D_next=tokens,
        prices=Prices(value, cost / 1e9, matters),
        # A rate of exponential waiting times, a unit of log D_p.
        prior=USUAL_PRIOR
        if rate is None
        else BreakPrior(hazard=-math.log1p(-rate) / math.log(10)),
        method="nuts" if nuts else "closed-form",
        lower_is_better=lower_is_better or None,
        logit=logit,
        probability=probability,
        seed=seed,
    )
    if output is not None:
        from bayeslaw.reporting.breaks import break_report

        break_report(decided, output)
    if as_json:
        print_json(decided.to_dict() | ({"report": str(output)} if output else {}))
        return
    print_breaks(decided)
    if output is not None:
        print(f"report: {output}")
