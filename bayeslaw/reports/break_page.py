"""The report about downstream scores: decisions, curves, assumptions."""

from pathlib import Path

from bayeslaw.downstream import (
    EXPLANATION,
    Breaks,
    Change,
    CurveDecision,
    Interval,
    curve_names,
    probability_text,
    sentences,
)
from bayeslaw.plots import break_curves, compact
from bayeslaw.reports.document import render, write
from bayeslaw.reports.pictures import Picture, picture
from bayeslaw.reports.report_record import study_name
from bayeslaw.reports.report_tables import Table


def break_report(decided: Breaks, path: str | Path) -> Path:
    """Write one HTML file that needs nothing else.

    Args:
      decided: result of `breaks`.
      path: file to write; it appears whole or not at all.
    """
    names = curve_names(decided)
    tasks = dict.fromkeys(curve.curve.task for curve in decided.curves)
    content = {
        "study": study_name(decided.source),
        "origin": decided.origin.replace(" and ", ", "),
        "colours": {},
        "decided": decided,
        "sentences": sentences(decided),
        "explanation": EXPLANATION,
        "decision_table": _decisions(decided, names),
        "break_table": _breaks(decided, names),
        "utility_table": _utilities(decided, names),
        "pictures": {task: _curves(decided, task) for task in tasks},
        "kept": sum(curve.card.choice == "keep" for curve in decided.curves),
        "broken": sum(curve.card.p_break_seen > 0.5 for curve in decided.curves),
    }
    return write(Path(path), render("breaks.html", content))


def _decisions(decided: Breaks, names: list[str]) -> Table:
    change = Change(decided.matters)
    return Table(
        "What to do",
        (
            "curve",
            "do",
            "margin",
            "D_p now → next",
            "gain",
            f"P(gain ≥ {decided.matters:.2g})",
            "P(worse)",
            "guide",
        ),
        tuple(
            (
                name,
                curve.card.choice,
                f"{curve.card.margin:.3g}",
                f"{compact(curve.card.D_last)} → {compact(curve.card.D_next)}",
                change.interval(curve.card.gain),
                probability_text(curve.card.p_matters),
                probability_text(curve.card.p_falls),
                curve.rule.choice,
            )
            for name, curve in zip(names, decided.curves, strict=True)
        ),
    )


def _breaks(decided: Breaks, names: list[str]) -> Table:
    return Table(
        "Does it break?",
        (
            "curve",
            "P before the scores",
            "P(settles)",
            "P(break)",
            "by next D_p",
            "where",
            "fall",
            "null check p",
            "CE improves, score falls",
        ),
        tuple(
            (name, *_break_cells(curve, Change(decided.matters)))
            for name, curve in zip(names, decided.curves, strict=True)
        ),
    )


def _break_cells(curve: CurveDecision, change: Change) -> tuple[str, ...]:
    card = curve.card
    is_likely = card.p_break_seen > 0.05
    return (
        probability_text(curve.p_prior),
        probability_text(curve.kinds["settles"]),
        probability_text(card.p_break_seen),
        probability_text(card.p_break),
        _range(card.break_D) if is_likely else "",
        change.sizes(card.fall) if is_likely else "",
        f"{curve.p_null:.2f}",
        probability_text(curve.entropy.p_disagrees) if curve.entropy else "no CE",
    )


def _utilities(decided: Breaks, names: list[str]) -> Table:
    return Table(
        "Expected utilities",
        (
            "curve",
            "keep",
            "stop",
            "drop",
            "best switch",
            "one more fine-tune",
            "best D_p",
            "keep = stop at",
            "P(better than no pretraining)",
        ),
        tuple(
            (name, *_utility_cells(curve))
            for name, curve in zip(names, decided.curves, strict=True)
        ),
    )


def _utility_cells(curve: CurveDecision) -> tuple[str, ...]:
    card = curve.card
    switches = {
        name: value
        for name, value in card.utilities.items()
        if name.startswith("switch")
    }
    best = max(switches, key=lambda name: switches[name]) if switches else None
    probe, horizon = card.probe, 64 * card.D_last * (1 - 1e-9)
    drop = card.utilities.get("drop")
    helps = card.p_pretraining_helps
    return (
        f"{card.utilities['keep']:.4g}",
        f"{card.utilities['stop']:.4g}",
        "unknown" if drop is None else f"{drop:.4g}",
        f"{best.removeprefix('switch to ')} {switches[best]:.4g}" if best else "none",
        f"{max(probe.value, 0):.2f} at {compact(probe.D_p)}" if probe else "",
        ("≥ " if card.D_best >= horizon else "") + compact(card.D_best),
        f"> {compact(64 * card.D_last)}"
        if card.D_even == float("inf")
        else compact(card.D_even),
        "unknown" if helps is None else probability_text(helps),
    )


def _range(interval: Interval) -> str:
    return (
        f"{compact(interval.median)} [{compact(interval.lower)}, "
        f"{compact(interval.upper)}]"
    )


def _curves(decided: Breaks, task: str) -> Picture:
    chosen = [i for i, curve in enumerate(decided.curves) if curve.curve.task == task]
    return picture(
        break_curves(decided, chosen),
        f"{decided.metric} of {task} against tokens of pretraining, one panel a curve.",
    )
