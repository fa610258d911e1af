"""Decisions about curves in words."""

import math
from collections.abc import Sequence

from bayeslaw.downstream.break_decisions import Breaks, CurveDecision
from bayeslaw.downstream.card import Interval

EXPLANATION = (
    "P(break): that the score has begun to decline within its checkpoints; by next: "
    "before the next D_p, where the part beyond the checkpoints is prior alone. Gain: "
    "change of the score from the last checkpoint to the next, median and interval; "
    "better is +.",
    "do: the choice of highest expected utility; margin: by how much it leads.",
)
# Probabilities above and below which there is something to say.
DISAGREES, LOOKS_BROKEN, UNUSUAL = 0.5, 0.5, 0.05
WORTH_A_PROBE = 0.2  # of a change that matters


def curve_names(decided: Breaks, chosen: Sequence[int] | None = None) -> list[str]:
    """A name for each curve, or for the chosen ones, with the counts that differ."""
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
    """A count of tokens, pairs or parameters: 2000, 1.2M, 30B."""
    for unit, suffix in ((1e12, "T"), (1e9, "B"), (1e6, "M")):
        if 0.9995 * unit <= number < 1e15:
            return f"{number / unit:.3g}{suffix}"
    return f"{number:.6g}"


def probability_text(p: float) -> str:
    """A probability with two digits; what cannot be told from 0 or 1 says so."""
    if p < 0.005:
        return "< .01"
    return "> .99" if p >= 0.995 else f"{p:.2f}".lstrip("0")


def equals(p: float) -> str:
    """A probability behind its name: " = .98", " > .99"."""
    text = probability_text(p)
    return f" {text}" if text[0] in "<>" else f" = {text}"


class Change:
    """Changes of a score, with the digits that matter.

    Args:
      matters: change that counts as one.
    """

    def __init__(self, matters: float):
        self._decimals = max(0, 1 - math.floor(math.log10(matters)))

    def __call__(self, value: float) -> str:
        """With its sign; 0 without one."""
        text = f"{value:+.{self._decimals}f}"
        return text[1:] if float(text) == 0 else text

    def interval(self, interval: Interval) -> str:
        """Median and ends."""
        lower, upper = self(interval.lower), self(interval.upper)
        return f"{self(interval.median)} [{lower}, {upper}]"

    def sizes(self, interval: Interval) -> str:
        """The same of what cannot be negative."""
        return self.interval(interval).replace("+", "")


def sentences(decided: Breaks) -> list[str]:
    """What deserves a reader's attention, curves of the same remark together."""
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
            f"{amount(card.break_D.upper)}]; now "
            f"{change.sizes(card.fall)} {unit} below its best."
        )
    elif curve.p_null < UNUSUAL:
        lines.append(
            "falls farther than its standard errors explain (p < .05), but noise "
            "beyond them is more probable than a break; more seeds would tell."
        )
    if curve.entropy and curve.entropy.p_disagrees > DISAGREES:
        lines.append(
            f"cross-entropy goes on improving while {decided.metric} gets worse "
            f"(P{equals(curve.entropy.p_disagrees)})."
        )
    helps = card.p_pretraining_helps
    if helps is not None and helps < LOOKS_BROKEN:
        lines.append(f"no better than without pretraining (P(better){equals(helps)}).")
    worth = WORTH_A_PROBE * decided.prices.value * decided.matters
    if card.probe and card.probe.value > worth:
        lines.append(
            f"fine-tuning the checkpoint of D_p {amount(card.probe.D_p)} too is worth "
            f"{card.probe.value:.2g}."
        )
    return lines
