"""Simulated downstream curves: families that never decline, and ones that do.

None of them is made from the shapes of `bayeslaw.downstream`. A curve is a function of
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


def _log_law(rng: np.random.Generator, span: float, level: float) -> Function:
    """Isik et al.: (log(A D^alpha))^beta, in the coordinates of its level and slope."""
    beta, slope = np.exp(rng.normal(0, 0.5)), rng.uniform(0.02, 0.25)
    return lambda x: level * np.maximum(1 + slope * x / beta, 0) ** beta


def _saturating(rng: np.random.Generator, span: float, level: float) -> Function:
    rate, gain = np.exp(rng.normal(np.log(0.5), 0.6)), rng.uniform(0.1, 0.8)
    return lambda x: level * (1 - gain * np.exp(-rate * x))


def _logistic(rng: np.random.Generator, span: float, level: float) -> Function:
    rate, middle = rng.uniform(4, 14) / span, rng.uniform(0.1, 0.7) * span
    gain = rng.uniform(0.1, 0.8)
    return lambda x: level * (1 - gain + gain / (1 + np.exp(-rate * (x - middle))))


def _piecewise(rng: np.random.Generator, span: float, level: float) -> Function:
    bend, slope = rng.uniform(0.1, 0.9) * span, rng.uniform(0.02, 0.25)
    return lambda x: level * (1 + slope * np.minimum(x, bend))


def _power_with_offset(rng: np.random.Generator, span: float, level: float) -> Function:
    power, gain = rng.uniform(0.1, 0.6), rng.uniform(0.05, 1)
    return lambda x: level * (1 + gain * np.expm1(power * x) / np.expm1(power * span))


def _flat(rng: np.random.Generator, span: float, level: float) -> Function:
    return lambda x: level + 0 * x


MONOTONE = {
    "log law": _log_law,
    "saturating": _saturating,
    "logistic": _logistic,
    "piecewise": _piecewise,
    "power with offset": _power_with_offset,
    "flat": _flat,
}


def _gompertz(rng: np.random.Generator, span: float, level: float) -> Function:
    rate, late = rng.uniform(3, 10) / span, np.exp(rng.uniform(-1, 2))
    gain = rng.uniform(0.1, 0.8)
    return lambda x: level * (1 - gain + gain * np.exp(-late * np.exp(-rate * x)))


def _two_steps(rng: np.random.Generator, span: float, level: float) -> Function:
    first, second = rng.uniform(0.1, 0.4) * span, rng.uniform(0.6, 0.9) * span
    rate, gain, share = 15 / span, rng.uniform(0.1, 0.6), rng.uniform(0.3, 0.7)

    def step(x: np.ndarray, middle: float) -> np.ndarray:
        return 1 / (1 + np.exp(-rate * (x - middle)))

    return lambda x: (
        level
        * (1 - gain + gain * (share * step(x, first) + (1 - share) * step(x, second)))
    )


def _late_riser(rng: np.random.Generator, span: float, level: float) -> Function:
    start, slope = rng.uniform(0.3, 0.8) * span, rng.uniform(0.05, 0.4)
    width = 0.05 * span
    return lambda x: level * (1 + slope * width * np.logaddexp(0, (x - start) / width))


# Not looked at while the model was made.
NEW_FAMILIES = {
    "Gompertz": _gompertz,
    "two steps": _two_steps,
    "late riser": _late_riser,
}


def monotone(family: str, rng: np.random.Generator) -> Truth:
    span, level = rng.uniform(np.log(8), np.log(1000)), rng.uniform(5, 35)
    return Truth(family, (MONOTONE | NEW_FAMILIES)[family](rng, span, level), span)


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
    truth: Truth,
    n: int,
    rng: np.random.Generator,
    noise: str = "normal",
    relative_sd: tuple[float, float] = (0.005, 0.03),
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """D_p, scores and standard errors at n checkpoints, evenly in log D_p.

    Noise is "normal", "heavy" (Student-t of 3 degrees, same variance) or "wrong se"
    (twice the standard error that is told), and its standard deviation between the two
    given shares of the mean score. Test sets of 2000 to 3000 sentences have BLEU with
    standard errors of .2 to .6 points at 20 to 40.
    """
    x = np.linspace(0, truth.span, n)
    mean = truth.score(x)
    sd = np.exp(rng.uniform(*np.log(relative_sd))) * np.abs(mean).mean()
    if noise == "heavy":
        deviation = rng.standard_t(3, n) / np.sqrt(3)
    else:
        deviation = rng.normal(size=n) * (2 if noise == "wrong se" else 1)
    return truth.D(x), mean + sd * deviation, np.full(n, sd)


@dataclass(frozen=True)
class Member:
    """One curve of a simulated table."""

    truth: Truth
    task: str
    mix: str
    log_D_f: float
    alignment: float


ALIGNMENTS = {"both": 1.0, "target": 0.8, "source": 0.7, "unrelated": 0.0}


def hierarchy(rng: np.random.Generator, tasks: int = 3) -> list[Member]:
    """Curves of a few tasks, four mixtures and two sizes of fine-tuning data.

    Levels, slopes and exponents vary about those of the table; unaligned curves rise
    less, settle or decline more often.
    """
    span = rng.uniform(np.log(16), np.log(256))
    exponent, slope = np.exp(rng.normal(0, 0.4)), rng.uniform(0.05, 0.15)
    by_alignment, by_D_f = rng.uniform(0, 0.06), rng.uniform(-0.02, 0)
    members = []
    for task in range(tasks):
        level, steep = rng.uniform(8, 30), rng.normal(0, 0.02)
        fragile = np.exp(rng.normal(0, 0.7))
        for mix, alignment in ALIGNMENTS.items():
            for log_D_f in (0.0, np.log(4)):
                s = slope + steep + by_alignment * (alignment - 0.6)
                s += by_D_f * log_D_f + rng.normal(0, 0.02)
                f0 = level * (1 + 0.15 * log_D_f + rng.normal(0, 0.05))
                b = exponent * np.exp(rng.normal(0, 0.15))
                rate = 0.05 * fragile * np.exp(-0.8 * alignment)
                truth = _member(rng, span, f0, max(s, 0.0), b, rate)
                members.append(Member(truth, f"task {task}", mix, log_D_f, alignment))
    return members


def _member(
    rng: np.random.Generator, span: float, f0: float, s: float, b: float, rate: float
) -> Truth:
    """A log law that may settle, and decline at a constant rate of x."""

    def rises(x: np.ndarray) -> np.ndarray:
        return f0 * np.maximum(1 + s * (x - span / 2) / b, 0.01) ** b

    settles = rng.uniform(0.2, 1) * span if rng.uniform() < 0.25 else np.inf
    declines = rng.exponential(1 / rate)
    loss = np.exp(rng.uniform(np.log(0.1), np.log(0.8))) / span

    def score(x: np.ndarray) -> np.ndarray:
        until = np.minimum(x, min(settles, declines))
        return rises(until) * np.exp(-loss * np.maximum(x - declines, 0))

    return Truth("hierarchy", score, span, is_broken=bool(declines < span))
