"""Runs that could be made next: sizes, token counts and mixtures worth looking at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Float

from bayeslaw.design.design_settings import Costs, DesignSettings
from bayeslaw.errors import InputError

# Shares are given with so many decimals: a study file is read by people.
DECIMALS = 4
# Odds of one share against the chosen mixture.
TILTS = (0.1, 0.25, 0.5, 2.0, 4.0, 10.0)
RANDOM_SPREAD = 1.0  # sd of log shares of random mixtures about the chosen one


@dataclass(frozen=True)
class Cell:
    """One training that could be paid for, whatever it is trained on.

    Attributes:
      proxy: name of the size, as the study knows it.
      N: non-embedding parameters.
      tokens: training tokens of each cooled model, rising.
      cost: FLOPs.
    """

    proxy: str
    N: float
    tokens: tuple[float, ...]
    cost: float


def cells(
    sizes: Mapping[str, float],
    tokens: Sequence[float],
    costs: Costs,
    min_N: float = 0.0,
) -> list[Cell]:
    """Every size with every token count, or with all up to it where runs fork.

    Raises:
      InputError: no size or token count is left, or one is not positive.
    """
    counts = sorted({float(count) for count in tokens})
    kept = {name: float(N) for name, N in sizes.items() if N >= min_N}
    if not kept or not counts or min([*kept.values(), *counts]) <= 0:
        raise InputError(
            "no run can be made",
            "sizes and token counts",
            f"sizes {dict(sizes)} with at least {min_N:g} parameters, tokens {counts}",
            "at least one of each, all positive",
            "name sizes and token counts, or lower the floor on parameters",
        )
    found = []
    for (name, N), (i, count) in product(kept.items(), enumerate(counts)):
        several = (count,) if costs.cooldown is None else tuple(counts[: i + 1])
        found.append(Cell(name, N, several, costs.of(N, several)))
    return found


def mixtures(
    action: Float[np.ndarray, " source"],
    tried: Float[np.ndarray, "mixture source"],
    settings: DesignSettings,
) -> Float[np.ndarray, "candidate source"]:
    """Mixtures worth considering, all different.

    Those tried (a further seed), uniform, the chosen one, it with the odds of one share
    changed, and random ones about it.

    Args:
      action: the mixture that would be chosen now.
      tried: mixtures of the runs made so far.
      settings: how many, and what they may be.
    """
    n = len(action)
    odds = np.clip(action, 1e-6, 1 - 1e-6)
    odds = odds / (1 - odds)
    tilted = []
    for i, factor in product(range(n), TILTS):
        share = odds[i] * factor / (1 + odds[i] * factor)
        one = action * (1 - share) / max(1 - action[i], 1e-12)
        one[i] = share
        tilted.append(one)
    rng = np.random.default_rng(settings.seed)
    n_random = max(settings.max_mixtures - len(tried) - len(tilted) - 2, 0)
    about = action * np.exp(RANDOM_SPREAD * rng.normal(size=(n_random, n)))
    made = np.concatenate([[action, np.full(n, 1 / n)], tilted, about]).reshape(-1, n)
    made = rounded(np.maximum(made / made.sum(1, keepdims=True), settings.min_share))
    # Least shares were divided by sums up to this.
    least = settings.min_share / (1 + n * settings.min_share)
    allowed = tried[(tried >= least).all(1)]
    keys = [tuple(row) for row in np.concatenate([allowed, made])]
    return np.array(list(dict.fromkeys(keys)))


def rounded(
    ratios: Float[np.ndarray, "mixture source"],
) -> Float[np.ndarray, "mixture source"]:
    """Ratios with few decimals that still sum to 1; the largest takes up the rest."""
    found = np.round(ratios / ratios.sum(1, keepdims=True), DECIMALS)
    largest = found.argmax(1)
    rows = np.arange(len(found))
    found[rows, largest] += 1 - found.sum(1)
    return np.round(found, DECIMALS)
