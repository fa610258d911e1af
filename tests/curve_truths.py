"""Simulated downstream curves: families that never decline, and ones that do.

None of them is made from the shapes of `bayeslaw.breaks`. A curve is a function of
x = log(D_p / first D_p) on [0, span].
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Function = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Truth:
    family: str
    score: Function  # of x
    span: float
    is_broken: bool = False

    def D(self, x: np.ndarray) -> np.ndarray:
        return 1e9 * np.exp(x)


def _log_law(rng, span, level):
    """Isik et al.: (log(A D^alpha))^beta, in the coordinates of its level and slope."""
    beta, slope = np.exp(rng.normal(0, 0.5)), rng.uniform(0.02, 0.25)
    return lambda x: level * np.maximum(1 + slope * x / beta, 0) ** beta


def _saturating(rng, span, level):
    rate, gain = np.exp(rng.normal(np.log(0.5), 0.6)), rng.uniform(0.1, 0.8)
    return lambda x: level * (1 - gain * np.exp(-rate * x))


def _logistic(rng, span, level):
    rate, middle = rng.uniform(4, 14) / span, rng.uniform(0.1, 0.7) * span
    gain = rng.uniform(0.1, 0.8)
    return lambda x: level * (1 - gain + gain / (1 + np.exp(-rate * (x - middle))))


def _piecewise(rng, span, level):
    bend, slope = rng.uniform(0.1, 0.9) * span, rng.uniform(0.02, 0.25)
    return lambda x: level * (1 + slope * np.minimum(x, bend))


def _power_with_offset(rng, span, level):
    power, gain = rng.uniform(0.1, 0.6), rng.uniform(0.05, 1)
    return lambda x: level * (1 + gain * np.expm1(power * x) / np.expm1(power * span))


def _flat(rng, span, level):
    return lambda x: level + 0 * x


MONOTONE = {
    "log law": _log_law,
    "saturating": _saturating,
    "logistic": _logistic,
    "piecewise": _piecewise,
    "power with offset": _power_with_offset,
    "flat": _flat,
}


def monotone(family: str, rng: np.random.Generator) -> Truth:
    span, level = rng.uniform(np.log(8), np.log(1000)), rng.uniform(5, 35)
    return Truth(family, MONOTONE[family](rng, span, level), span)


def broken(rng: np.random.Generator) -> Truth:
    """Rises as one of the families until a point, then falls exponentially in x."""
    base = monotone(str(rng.choice(list(MONOTONE))), rng)
    span, width = base.span, rng.uniform(0.02, 0.15) * base.span
    bend = rng.uniform(0.15, 0.85) * span
    rate = np.exp(rng.uniform(np.log(0.1), np.log(0.8))) / span

    def score(x):
        past = width * np.logaddexp(0, (x - bend) / width)
        return base.score(np.maximum(x - past, 0)) * np.exp(-rate * past)

    return Truth("broken", score, span, is_broken=True)


def observe(
    truth: Truth, n: int, rng: np.random.Generator, noise: str = "normal"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """D_p, scores and standard errors at n checkpoints, evenly in log D_p.

    Noise is "normal", "heavy" (Student-t of 3 degrees, same variance) or "wrong se"
    (twice the standard error that is told).
    """
    x = np.linspace(0, truth.span, n)
    mean = truth.score(x)
    sd = np.exp(rng.uniform(np.log(0.008), np.log(0.05))) * np.abs(mean).mean()
    if noise == "heavy":
        deviation = rng.standard_t(3, n) / np.sqrt(3)
    else:
        deviation = rng.normal(size=n) * (2 if noise == "wrong se" else 1)
    return truth.D(x), mean + sd * deviation, np.full(n, sd)
