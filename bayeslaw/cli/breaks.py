"""`bayeslaw breaks`: whether downstream scores stop following their law."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bayeslaw.cli.options import (
    Json,
    OptionalReportOutput,
    OriginOption,
    Probability,
    Seed,
    Table,
    UnitOption,
)
from bayeslaw.cli.terminal import print_json, print_lines, print_table

if TYPE_CHECKING:
    from bayeslaw.downstream import Breaks

Metric = Annotated[
    str | None,
    typer.Option(help="Metric to decide about. Default: bleu, else chrf or comet."),
]
NextTokens = Annotated[
    float | None,
    typer.Option(
        help="Next D_p (pretraining tokens) to consider. Default: twice the last."
    ),
]
Value = Annotated[float, typer.Option(min=0, help="Value of one unit of the score.")]
Cost = Annotated[
    float,
    typer.Option(
        min=0, help="Cost of 10^9 pretraining tokens, in the currency of --value."
    ),
]
Matters = Annotated[
    float | None,
    typer.Option(
        help="Smallest change of the score that matters. Default: 0.3 (points), 0.003 "
        "(fractions), else 1 %."
    ),
]
Rate = Annotated[
    float | None,
    typer.Option(
        min=0.001,
        max=0.9,
        help="Prior share of curves that break per decade of D_p. Default: 0.067.",
    ),
]
Nuts = Annotated[
    bool, typer.Option("--nuts", help="Sample the hierarchical model (takes minutes).")
]
LowerIsBetter = Annotated[
    bool,
    typer.Option("--lower-is-better", help="Lower values of the metric are better."),
]
Logit = Annotated[
    bool,
    typer.Option("--logit", help="Fit the law to the logit of a bounded score."),
]


def breaks(
    table: Table,
    metric: Metric = None,
    tokens: NextTokens = None,
    value: Value = 1.0,
    cost: Cost = 0.0,
    matters: Matters = None,
    rate: Rate = None,
    nuts: Nuts = False,
    lower_is_better: LowerIsBetter = False,
    logit: Logit = False,
    output: OptionalReportOutput = None,
    probability: Probability = 0.9,
    seed: Seed = 0,
    origin: OriginOption = None,
    unit: UnitOption = None,
    as_json: Json = False,
) -> None:
    """Find where downstream scores stop following their law.

    Reports for each curve the probability of a break and whether to keep pretraining.
    """
    from bayeslaw.data.scores import read_curves
    from bayeslaw.downstream import USUAL_PRIOR, Prices, breaks, prior_of_rate

    scores = read_curves(table, origin=origin, unit=unit)
    decided = breaks(
        scores,
        metric=metric,
        D_next=tokens,
        prices=Prices(value, cost / 1e9),
        matters=matters,
        prior=USUAL_PRIOR if rate is None else prior_of_rate(rate),
        method="nuts" if nuts else "closed-form",
        lower_is_better=lower_is_better or None,
        logit=logit,
        probability=probability,
        seed=seed,
    )
    _show(decided, output, as_json=as_json)


def _show(decided: "Breaks", output: Path | None, *, as_json: bool) -> None:
    if output is not None:
        from bayeslaw.reports import break_report

        break_report(decided, output)
    if as_json:
        print_json(decided.to_dict() | ({"report": str(output)} if output else {}))
        return
    print_breaks(decided)
    if output is not None:
        print(f"report: {output}")


def print_breaks(decided: "Breaks") -> None:
    """Print one line per curve, then remarks, notes and definitions."""
    from bayeslaw.downstream import (
        EXPLANATION,
        Change,
        curve_names,
        probability_text,
        sentences,
    )

    change, interval = Change(decided.matters), f"{decided.probability:.0%}"
    print_table(
        f"Breaks of {decided.metric} in {decided.unit} ({decided.origin} rows)",
        ["curve", "P(break)", "by next", "gain", interval, "choice", "margin"],
        [
            [
                name,
                probability_text(curve.card.p_break_seen),
                probability_text(curve.card.p_break),
                change(curve.card.gain.median),
                f"{change(curve.card.gain.lower)} {change(curve.card.gain.upper)}",
                curve.card.choice,
                f"{curve.card.margin:.2g}",
            ]
            for name, curve in zip(curve_names(decided), decided.curves, strict=True)
        ],
    )
    print()
    print_lines([*sentences(decided), *decided.notes, *EXPLANATION])
