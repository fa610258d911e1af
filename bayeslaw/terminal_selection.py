"""What `bayeslaw next`, `append` and `loop` print."""

from typing import TYPE_CHECKING

from bayeslaw.terminal import print_json, print_lines, print_table

if TYPE_CHECKING:
    from bayeslaw.downstream.decisions import Breaks
    from bayeslaw.selection.loop import Ended, Round
    from bayeslaw.selection.plan import NextRuns


# A worth that is rounding of floats.
NOTHING = 1e-9


def print_next(chosen: "NextRuns") -> None:
    """Print the runs to make, what each is for, and what they do together."""
    if chosen.runs:
        print_table(
            f"Next runs, of {chosen.candidates:,} looked at ({chosen.origin} rows)",
            ["run", "tokens", *chosen.runs[0].mixture, "seed", "FLOPs", "gain"],
            [
                [
                    f"{number} {run.proxy}",
                    " to ".join(map(_short, sorted({run.tokens[0], run.tokens[-1]}))),
                    *(f"{share:.3f}" for share in run.mixture.values()),
                    str(run.seed),
                    f"{run.cost:.2g}",
                    f"{100 * run.gain:.2g}%",
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


def print_checkpoints(decided: "Breaks") -> None:
    """Print which checkpoints to fine-tune next, the most useful first."""
    from bayeslaw.downstream.wording import amount, curve_names, probability_text

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
            "Worth: expected rise of the utility of the decision, before what the "
            "fine-tune costs.",
            *(
                []
                if best > NOTHING
                else ["No further checkpoint would change a decision."]
            ),
        ]
    )
