"""Sentences about the constraints of a decision."""

from collections.abc import Iterator, Mapping
from typing import Any


def constraint_sentences(
    constraints: Mapping[str, Any],
    binding: tuple[str, ...],
    risk_loss: float,
    unsolved: tuple[int, int],
    *,
    is_proved: bool,
) -> Iterator[str]:
    """What was asked of the mixture, what of it binds, and which draws failed.

    Args:
      constraints: record of `Constraints`, empty if nothing is constrained.
      binding: constraints that the recommended mixture touches, in words.
      risk_loss: what it minimises.
      unsolved: draws without a proved optimum, and all draws.
      is_proved: whether the recommended mixture is proved to be optimal.
    """
    limits = "; ".join(_limits(constraints))
    if limits:
        at = "; ".join(binding)
        yield f"Constraints: {limits}. " + (
            f"At their limit in the recommended mixture: {at}."
            if binding
            else "None binds: the mixture is as without them."
        )
    if constraints.get("repeats"):
        yield (
            "Tokens seen again count at their worth, (1 + R (1 - exp(-(epochs - 1) / "
            f"R))) / epochs, with {constraints['R']}."
        )
    risk = constraints.get("risk", "expected")
    if risk == "minimax":
        yield (
            "Risk: the mixture minimises the largest weighted loss of a family instead "
            f"of the weighted mean; expected {risk_loss:.4g}. Losses and regrets are "
            "those of the largest one."
        )
    if risk == "cvar":
        share = constraints.get("worst_share", 0.1)
        yield (
            f"Risk: the mixture minimises the mean loss of the worst {share:.0%} of "
            f"draws, {risk_loss:.4g}."
        )
    if not is_proved:
        yield (
            "The recommended mixture is not proved to be the best: with the tokens "
            "repeated there, losses bend the wrong way."
        )
    if unsolved[0]:
        yield (
            f"{unsolved[0]} of {unsolved[1]} draws have no proved optimum: repetition "
            "makes their loss rise with more text, or bend the wrong way. Their optima "
            "and regrets are rough."
        )


def _limits(constraints: Mapping[str, Any]) -> Iterator[str]:
    for key, words in (("lower", "at least"), ("upper", "at most")):
        for name, value in constraints.get(key, {}).items():
            yield f"{name} {words} {value:.4g}"
    most = constraints.get("max_epochs")
    if isinstance(most, Mapping):
        for name, value in most.items():
            yield f"{name} at most {value:.4g} epochs"
    elif most is not None:
        yield f"at most {most:.4g} epochs of each family's distinct tokens"
    for line in constraints.get("linear", ()):
        for key, words in (("at_least", "at least"), ("at_most", "at most")):
            if key in line:
                yield f"{line['name']} {words} {line[key]:.4g}"
