"""Cross-entropy compared with a score: does it improve while the score falls?"""

from collections.abc import Mapping

import numpy as np

from bayeslaw.data.scores import ENTROPIES, Curve, CurveTable
from bayeslaw.downstream.break_decisions import EntropyCheck
from bayeslaw.downstream.break_posterior import BreakPosterior, BreakPrior
from bayeslaw.downstream.card import N_DRAWS, Card
from bayeslaw.downstream.score_curves import posteriors
from bayeslaw.downstream.score_scale import Scale
from bayeslaw.errors import InputError


def entropies_beside(
    table: CurveTable, metric: str, prior: BreakPrior
) -> tuple[Mapping[Curve, BreakPosterior], list[str]]:
    """Curves of cross-entropy that match those of the metric, and notes."""
    entropy = ENTROPIES[0]
    if metric in ENTROPIES or entropy not in {c.metric for c in table.curves}:
        return {}, []
    try:
        return posteriors(table, entropy, Scale(larger_is_better=False), prior)
    except InputError as error:
        return {}, [f"{entropy} is not compared with {metric}: {error.got}"]


def entropy_check(
    curve: Curve, card: Card, entropies: Mapping[Curve, BreakPosterior], seed: int
) -> EntropyCheck | None:
    """Check whether cross-entropy improves while the score falls; None without it."""
    same = [
        posterior
        for other, posterior in entropies.items()
        if other.pretraining_mix == curve.pretraining_mix and are_rivals(other, curve)
    ]
    if not same:
        return None
    ends = np.array([same[0].last, card.D_next])
    now, then = same[0].draw(N_DRAWS, seed).at(ends).T
    p_improves = float((then > now).mean())
    return EntropyCheck(p_improves, p_improves * card.p_falls)


def are_rivals(one: Curve, other: Curve) -> bool:
    """Whether two curves differ only in their mixture or metric."""
    names = ("task", "N", "D_f", "pairs")
    return all(getattr(one, name) == getattr(other, name) for name in names)
