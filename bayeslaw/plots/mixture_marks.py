"""Shared parts of the figures of mixtures: posterior draws and markers."""

from itertools import chain, cycle
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from bayeslaw.decisions import Decision
from bayeslaw.plots.style import MUTED

MAX_DRAWS = 500
# Hundreds of points a panel are smaller as an image.
DRAW_STYLE: dict[str, Any] = {
    "linestyle": "none",
    "marker": ".",
    "markersize": 4,
    "markeredgewidth": 0,
    "color": MUTED,
    "alpha": 0.6,
    "rasterized": True,
}
MARKERS = "*PXv^<>"
DRAW_LABEL = "optimal mixture of one posterior draw"


class Mark(NamedTuple):
    """A mixture of a figure: name, ratios in the decision's order, marker."""

    name: str
    ratios: Float[np.ndarray, " family"]
    marker: str


def marks(decision: Decision) -> list[Mark]:
    """The recommended mixture and the compared ones."""
    mixtures = (decision.recommended, *decision.compared)
    return [
        Mark(mixture.name, np.array(list(mixture.ratios.values())), marker)
        for mixture, marker in zip(mixtures, chain("D", cycle(MARKERS)), strict=False)
    ]


def thinned(decision: Decision, most: int = MAX_DRAWS) -> Float[np.ndarray, "draw _"]:
    """Some of the draws of the optimal mixture, evenly spaced."""
    draws = decision.optimal_draws
    pick = np.linspace(0, len(draws) - 1, min(most, len(draws))).astype(int)
    return draws[pick]
