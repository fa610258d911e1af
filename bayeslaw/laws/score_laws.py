"""The laws of downstream scores, in well-identified coordinates and papers' symbols.

x = log(D_p / D_0) with D_0 a reference amount of pretraining. Every law is given by its
value f0 at D_0, its relative slope s there (change of the score, as a share of f0, a
unit of x) and one exponent; slope 0 is a constant. Array functions: numpy or jax.numpy.

Source: Isik et al. 2024, arXiv 2402.04177.
"""

from typing import Any

import numpy as np

SMALLEST = 1e-6  # of a base that is raised to a power


def bleu(x: Any, f0: Any, s: Any, b: Any) -> Any:
    """The law of BLEU, (log(A D_p^alpha))^b: f0 (1 + s x / b)^b.

    It is 0 where the base would be negative.
    """
    xp = _namespace(x, f0, s, b)
    return f0 * xp.maximum(1 + s * x / b, SMALLEST) ** b


def saturating(x: Any, f0: Any, s: Any, alpha: Any) -> Any:
    """A saturating law, c - a D_p^-alpha: f0 (1 + s (1 - e^(-alpha x)) / alpha)."""
    xp = _namespace(x, f0, s, alpha)
    return f0 * (1 - s * xp.expm1(-alpha * x) / alpha)


def cross_entropy(x: Any, f0: Any, s: Any, alpha: Any) -> Any:
    """The law of cross-entropy, E + A D_p^-alpha.

    That is f0 (1 - s (1 - e^(-alpha x)) / alpha), with s > 0 where it falls.
    """
    return saturating(x, f0, -s, alpha)


def bleu_symbols(f0: Any, s: Any, b: Any, D_0: float) -> dict[str, Any]:
    """Symbols of (log(A D_p^alpha))^beta; log_A, because A may overflow."""
    base = f0 ** (1 / b)
    alpha = s * base / b
    return {"log_A": base - alpha * np.log(D_0), "alpha": alpha, "beta": b}


def saturating_symbols(f0: Any, s: Any, alpha: Any, D_0: float) -> dict[str, Any]:
    """Symbols of c - a D_p^-alpha; log_a, because a may overflow."""
    log_a = np.log(f0 * s / alpha) + alpha * np.log(D_0)
    return {"c": f0 * (1 + s / alpha), "log_a": log_a, "alpha": alpha}


def cross_entropy_symbols(f0: Any, s: Any, alpha: Any, D_0: float) -> dict[str, Any]:
    """Symbols of E + A D_p^-alpha; log_A, because A may overflow."""
    log_A = np.log(f0 * s / alpha) + alpha * np.log(D_0)
    return {"E": f0 * (1 - s / alpha), "log_A": log_A, "alpha": alpha}


def _namespace(*arrays: Any) -> Any:
    """numpy, or jax.numpy where an argument is traced."""
    for array in arrays:
        space = getattr(array, "__array_namespace__", None)
        if space is not None and not isinstance(array, np.ndarray | np.generic):
            return space()
    return np
