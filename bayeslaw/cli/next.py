"""`bayeslaw next`: the runs to train next."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bayeslaw.cli.option_files import read_constraints
from bayeslaw.cli.options import (
    AllowFailed,
    ConstraintsFile,
    Json,
    Normalised,
    OptionalReportOutput,
    Seed,
    Weights,
)
from bayeslaw.cli.rounds import write_runs_asked
from bayeslaw.cli.run_options import (
    DEFAULTS,
    Anchor,
    Budget,
    Exchange,
    MinParams,
    MinShare,
    Overhead,
    Request,
    TargetParams,
    TargetTokens,
    Tolerance,
    choose_runs,
    possible_runs,
    required_target,
)
from bayeslaw.cli.terminal import print_json, print_lines, print_table
from bayeslaw.design import DesignSettings
from bayeslaw.errors import InputError
from bayeslaw.numbers import percent

if TYPE_CHECKING:
    from bayeslaw.design import NextRuns
    from bayeslaw.downstream import Breaks

Source = Annotated[
    Path,
    typer.Argument(
        metavar="POSTERIOR", help="Result of `bayeslaw fit`; or a table of scores."
    ),
]
Runs = Annotated[int, typer.Option(min=1, help="Largest number of runs.")]
StudyOption = Annotated[
    Path | None,
    typer.Option(help="Study file whose proxies and token counts to choose from."),
]
Sizes = Annotated[
    str | None, typer.Option(metavar="N,N,...", help="Sizes to choose from.")
]
TokenCounts = Annotated[
    str | None, typer.Option(metavar="D,D,...", help="Token counts to choose from.")
]
Frugal = Annotated[
    bool,
    typer.Option(
        "--frugal", help="Maximise gain per FLOP; leave the rest of the budget."
    ),
]


def next_(
    posterior: Source,
    params: TargetParams = None,
    tokens: TargetTokens = None,
    budget: Budget = None,
    runs: Runs = DEFAULTS.runs,
    study: StudyOption = None,
    sizes: Sizes = None,
    token_counts: TokenCounts = None,
    output: OptionalReportOutput = None,
    weights: Weights = None,
    normalised: Normalised = False,
    constraints: ConstraintsFile = None,
    overhead: Overhead = DEFAULTS.costs.overhead,
    min_params: MinParams = DEFAULTS.min_N,
    min_share: MinShare = DEFAULTS.min_share,
    anchor: Anchor = DEFAULTS.anchor,
    tolerance: Tolerance = DEFAULTS.tolerance,
    exchange: Exchange = DEFAULTS.exchange,
    frugal: Frugal = DEFAULTS.is_frugal,
    allow_failed_checks: AllowFailed = False,
    seed: Seed = DEFAULTS.seed,
    as_json: Json = False,
) -> None:
    """Choose the runs to train next.

    With -o, also write them: as a study file (.toml, with --study) for `bayeslaw
    train`, or as a table to fill in (.csv) for `bayeslaw append`.
    """
    if posterior.suffix != ".nc":
        _next_checkpoints(posterior, seed=seed, as_json=as_json)
        return
    target = required_target(params, tokens, budget)
    limits = read_constraints(constraints)
    request = Request(*target, weights, normalised, limits, allow_failed_checks)
    _check_output(output, study)
    settings = DesignSettings(
        runs,
        *possible_runs(study, overhead, sizes, token_counts),
        min_N=min_params,
        min_share=min_share,
        anchor=anchor,
        tolerance=tolerance,
        exchange=exchange,
        is_frugal=frugal,
        seed=seed,
    )
    from bayeslaw.inference import Fitted, load_posterior

    fitted = Fitted.of(load_posterior(posterior))
    chosen = choose_runs(fitted, request, settings)
    _show(chosen, write_runs_asked(chosen, output, study, fitted), as_json=as_json)


def _show(chosen: "NextRuns", written: Path | None, *, as_json: bool) -> None:
    if as_json:
        print_json(chosen.to_dict())
        return
    print_next(chosen)
    if written:
        print(f"runs: {written}")


def _next_checkpoints(table: Path, *, seed: int, as_json: bool) -> None:
    from bayeslaw.data.scores import read_curves
    from bayeslaw.downstream import breaks

    decided = breaks(read_curves(table), seed=seed)
    if as_json:
        print_json(decided.to_dict())
    else:
        print_checkpoints(decided)


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


# A worth that is rounding of floats.
NOTHING = 1e-9


def print_next(chosen: "NextRuns") -> None:
    """Print the runs to make, what each is for, and what they do together."""
    if chosen.runs:
        print_table(
            f"Next runs, chosen from {chosen.candidates:,} ({chosen.origin} rows)",
            ["run", "tokens", *chosen.runs[0].mixture, "seed", "FLOPs", "gain"],
            [
                [
                    f"{number} {run.proxy}",
                    " to ".join(map(_short, sorted({run.tokens[0], run.tokens[-1]}))),
                    *(f"{share:.3f}" for share in run.mixture.values()),
                    str(run.seed),
                    f"{run.cost:.2g}",
                    percent(run.gain),
                ]
                for number, run in enumerate(chosen.runs, 1)
            ],
        )
        print()
        print_lines([f"{n} {run.why}" for n, run in enumerate(chosen.runs, 1)])
    print_lines(chosen.sentences())


def _short(count: float) -> str:
    """A count of tokens: 262k, 1.05M, 30B."""
    for unit, suffix in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if count >= unit:
            return f"{count / unit:.3g}{suffix}"
    return f"{count:.3g}"


def print_checkpoints(decided: "Breaks") -> None:
    """Print which checkpoints to fine-tune next, the most useful first."""
    from bayeslaw.downstream import (
        amount,
        curve_names,
        probability_text,
    )

    named = zip(curve_names(decided), decided.curves, strict=True)
    rows = [
        (probe, name, curve.card)
        for name, curve in named
        if (probe := curve.card.probe) is not None
    ]
    rows.sort(key=lambda row: -row[0].value)
    print_table(
        f"Checkpoints to fine-tune next ({decided.metric}, {decided.origin})",
        ["curve", "D_p", "worth", "P(break)", "do now", "margin"],
        [
            [
                name,
                amount(probe.D_p),
                f"{probe.value:.2g}" if probe.value > NOTHING else "0",
                probability_text(card.p_break_seen),
                card.choice,
                f"{card.margin:.2g}",
            ]
            for probe, name, card in rows
        ],
    )
    best = rows[0][0].value if rows else 0.0
    print_lines(
        [
            "Worth: expected increase in the utility of the decision, before the cost "
            "of the fine-tune.",
            *(
                []
                if best > NOTHING
                else ["No further checkpoint would change a decision."]
            ),
        ]
    )
