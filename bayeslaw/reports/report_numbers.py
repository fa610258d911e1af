"""Numbers as the report prints them."""

import math
from collections.abc import Iterable

from bayeslaw.plots import compact


def ratio(value: float) -> str:
    """A sampling ratio: three decimals, or three digits when very small."""
    return f"{value:.3f}" if value >= 0.0095 else f"{value:.3g}"


def factor(value: float) -> str:
    """A multiple: × 1.05."""
    return "no amount" if math.isinf(value) else f"× {compact(value)}"


def between(lower: str, upper: str) -> str:
    """Two bounds."""
    return f"{lower} to {upper}"


def listed(values: Iterable[float], most: int = 8) -> str:
    """Numbers in a row; the middle is left out when there are many."""
    shown = [compact(value) for value in values]
    if len(shown) > most:
        shown = [*shown[: most - 1], "…", shown[-1]]
    return ", ".join(shown)
