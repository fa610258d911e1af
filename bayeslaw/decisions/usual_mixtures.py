"""Mixtures that have a name: uniform, proportional, temperature and UniMax."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

TEMPERATURE = 0.3  # exponent of the common temperature sampling, Conneau et al. 2020
MAX_EPOCHS = 4.0  # beyond it repeated text is worth less than new, Muennighoff et al.


def named_mixtures(
    families: tuple[str, ...], unique_tokens: Mapping[str, float], budget: float
) -> dict[str, Float[np.ndarray, " family"]]:
    """The usual mixtures, those that need sizes only where all sizes are known.

    Args:
      families: names of the families, in the order of the ratios returned.
      unique_tokens: tokens that each family has, by name; may lack some.
      budget: training tokens of the target run, in the same unit.

    Returns:
      ratios by the name of the mixture, which says the exponent or the epochs too.

    Example:
      >>> sorted(named_mixtures(("a", "b"), {"a": 1e6, "b": 9e6}, budget=1e6))
      ['UniMax, 4 epochs', 'proportional', 'temperature 0.3', 'uniform']
    """
    mixtures = {"uniform": np.full(len(families), 1 / len(families))}
    if set(unique_tokens) >= set(families):
        sizes = np.array([float(unique_tokens[family]) for family in families])
        mixtures["proportional"] = temperature(sizes, 1.0)
        mixtures[f"temperature {TEMPERATURE:g}"] = temperature(sizes, TEMPERATURE)
        mixtures[f"UniMax, {MAX_EPOCHS:g} epochs"] = unimax(sizes, budget)
    return mixtures


def temperature(
    sizes: Float[np.ndarray, " family"], exponent: float
) -> Float[np.ndarray, " family"]:
    """Ratios proportional to a power of the sizes: 1 proportional, 0 uniform.

    Args:
      sizes: unique tokens of each family, positive.
      exponent: the inverse temperature.

    Source: Devlin et al. 2018 (multilingual BERT); Conneau et al. 2020,
      arXiv 1911.02116, section 3.1, with 0.3.
    """
    # Sizes may be 1e13 and the exponent any: the ratio to the largest stays in range.
    tempered = (sizes / sizes.max()) ** exponent
    return tempered / tempered.sum()


def unimax(
    sizes: Float[np.ndarray, " family"], budget: float, max_epochs: float = MAX_EPOCHS
) -> Float[np.ndarray, " family"]:
    """Ratios that are as uniform as a cap on epochs allows.

    From the smallest family to the largest each gets an equal share of the budget left,
    or as many tokens as its cap allows if these are fewer. If the budget exceeds all
    caps together, every family is at its cap: the mixture is the proportional one, and
    takes more epochs than the cap.

    Args:
      sizes: unique tokens of each family, positive.
      budget: training tokens to be divided, in the same unit.
      max_epochs: how often at most the text of a family is seen.

    Source: Chung et al. 2023, arXiv 2304.09151, algorithm 1 (in characters there).

    Example:
      >>> unimax(np.array([1.0, 100.0, 100.0]), budget=44.0).round(4).tolist()
      [0.0909, 0.4545, 0.4545]
    """
    tokens = np.empty(len(sizes))
    left = float(budget)
    for done, family in enumerate(np.argsort(sizes, kind="stable")):
        equal_share = left / (len(sizes) - done)
        tokens[family] = min(equal_share, max_epochs * sizes[family])
        left -= tokens[family]
    return tokens / tokens.sum()
