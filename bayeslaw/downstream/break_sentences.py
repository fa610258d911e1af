"""Decisions about curves in words."""

import math
from collections.abc import Sequence

from bayeslaw.downstream.break_decisions import Breaks, CurveDecision
from bayeslaw.downstream.card import Interval

EXPLANATION = (
    "P(break): probability that the score has begun to decline within its checkpoints. "
    "By next: the same before the next D_p; beyond the last checkpoint this rests on "
    "the prior alone. Gain: improvement of the score from the last checkpoint to the "
    "next D_p, median and interval; positive is better.",
    "Choice: the option with the highest expected utility. Margin: its lead over the "
    "next best option.",
)
# Probabilities above and below which there is something to say.
DISAGREES, LOOKS_BROKEN, UNUSUAL = 0.5, 0.5, 0.05
WORTH_A_PROBE = 0.2  # of a change that matters


def curve_names(decided: Breaks, chosen: Sequence[int] | None = None) -> list[str]:
    """Name each curve, or the chosen ones, with the counts that differ."""
    numbers = range(len(decided.curves)) if chosen is None else chosen
    curves = [decided.curves[i].curve for i in numbers]
    # Pairs and their tokens say the same, of which pairs are the same in all tasks.
    data = "pairs" if all(curve.pairs for curve in curves) else "D_f"
    varying = [
        name
        for name in ("N", data)
        if len({getattr(curve, name) for curve in curves}) > 1
    ]
    return [
        ", ".join(
            [
                curve.task,
                curve.pretraining_mix,
                *(
                    f"{name} {amount(getattr(curve, name))}"
                    for name in varying
                    if getattr(curve, name) is not None
                ),
            ]
        )
        for curve in curves
    ]


def amount(number: float) -> str:
    """Format a count of tokens, pairs or parameters: 2000, 1.2M, 30B."""
    for unit, suffix in ((1e12, "T"), (1e9, "B"), (1e6, "M")):
        if 0.9995 * unit <= number < 1e15:
            return f"{number / unit:.3g}{suffix}"
    return f"{number:.6g}"


def probability_text(p: float) -> str:
    """Format a probability with two digits; "< .01" and "> .99" at the ends."""
    if p < 0.005:
        return "< .01"
    return "> .99" if p >= 0.995 else f"{p:.2f}".lstrip("0")


def equals(p: float) -> str:
    """Format a probability to follow its name: " = .98", " > .99"."""
    text = probability_text(p)
    return f" {text}" if text[0] in "<>" else f" = {text}"


class Change:
    """Format changes of a score with the digits that matter.

    Args:
      matters: smallest change that matters.
    """

    def __init__(self, matters: float):
        self._decimals = max(0, 1 - math.floor(math.log10(matters)))

    def __call__(self, value: float) -> str:
        """The change with its sign; 0 without one."""
        text = f"{value:+.{self._decimals}f}"
        return text[1:] if float(text) == 0 else text

    def interval(self, interval: Interval) -> str:
        """Median and ends."""
        lower, upper = self(interval.lower), self(interval.upper)
        return f"{self(interval.median)} [{lower}, {upper}]"

    def sizes(self, interval: Interval) -> str:
        """Median and ends without signs, of what cannot be negative."""
        return self.interval(interval).replace("+", "")


def sentences(decided: Breaks) -> list[str]:
    """List remarks that deserve attention, with the curves they apply to."""
    remarks: dict[str, list[str]] = {}
    for name, curve in zip(curve_names(decided), decided.curves, strict=True):
        for remark in _remarks(curve, decided):
            remarks.setdefault(remark, []).append(name)
    return [f"{'; '.join(names)}: {remark}" for remark, names in remarks.items()]


def _remarks(curve: CurveDecision, decided: Breaks) -> list[str]:
    card, unit, lines = curve.card, decided.unit, []
    change = Change(decided.matters)
    if card.p_break_seen > LOOKS_BROKEN:
        lines.append(
            f"P(break){equals(card.p_break_seen)}, at D_p "
            f"{amount(card.break_D.median)} [{amount(card.break_D.lower)}, "
            f"{amount(card.break_D.upper)}]; the score is now "
            f"{change.sizes(card.fall)} {unit} below its best."
        )
    elif curve.p_null < UNUSUAL:
        lines.append(
            "the score falls farther than its standard errors explain (p < .05), but "
            "additional noise is more probable than a break; more seeds would decide."
        )
    if curve.entropy and curve.entropy.p_disagrees > DISAGREES:
        lines.append(
            f"cross-entropy keeps improving while {decided.metric} gets worse "
            f"(P{equals(curve.entropy.p_disagrees)})."
        )
    helps = card.p_pretraining_helps
    if helps is not None and helps < LOOKS_BROKEN:
        lines.append(
            "pretraining probably does not help: P(better than without pretraining)"
            f"{equals(helps)}."
        )
    worth = WORTH_A_PROBE * decided.prices.value * decided.matters
    if card.probe and card.probe.value > worth:
        lines.append(
            f"fine-tuning the checkpoint at D_p {amount(card.probe.D_p)} as well would "
            f"raise the expected utility by {card.probe.value:.2g}."
        )
    return lines
