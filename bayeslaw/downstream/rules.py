"""Rules without a posterior, for comparison: a plug-in curve and the papers' guide.

Both fit the law by least squares and take the fit as exact. The guide of Isik et al.
2024 (arXiv 2402.04177, "A guide for pretraining data valuation") does so only where
scores rise and the law fits; elsewhere it compares with no pretraining. The paper
judges "rise" and "fit" by eye, this module by two standard errors.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.optimize import least_squares

from bayeslaw.downstream.card import Baseline, Prices
from bayeslaw.laws import bleu, saturating

Choice = Literal["keep", "stop", "drop"]
# Of the logarithm of the exponent: starts of the search, and its bound.
STARTS, LOG_EXPONENT = (-1.0, 0.0, 1.0), 3.0
LIMIT = 2.0  # standard errors
SE_ALONE = 0.02  # share of the mean score, where no standard error is given


@dataclass(frozen=True)
class Verdict:
    """The choice of a rule, and the reason in a few words."""

    choice: Choice
    reason: str


@dataclass(frozen=True)
class Fit:
    """A law fitted by least squares.

    Attributes:
      residuals: of each point, in standard errors.
      gain: predicted improvement from the last checkpoint to the next.
    """

    residuals: Float[np.ndarray, " point"]
    gain: float


def plug_in(
    D: Float[np.ndarray, " point"],
    score: Float[np.ndarray, " point"],
    se: Float[np.ndarray, " point"],
    D_next: float,
    prices: Prices,
) -> Verdict:
    """Recommend to keep pretraining if the fitted law predicts more gain than cost.

    Args:
      D: tokens of pretraining of each point.
      score: score of each point, larger is better; the sign of losses is reversed.
      se: standard errors; NaN where not known.
      D_next: next number of pretraining tokens to consider.
      prices: value of a score and cost of pretraining.
    """
    fit = fit_law(D, score, se, D_next)
    net = prices.value * fit.gain - prices.cost * (D_next - float(D.max()))
    reason = f"the fit predicts a gain of {fit.gain:+.3g}"
    return Verdict("keep" if net > 0 else "stop", reason)


def guide(
    D: Float[np.ndarray, " point"],
    score: Float[np.ndarray, " point"],
    se: Float[np.ndarray, " point"],
    D_next: float,
    prices: Prices,
    baseline: Baseline | None = None,
) -> Verdict:
    """Apply the papers' guide: as `plug_in` if the law fits, else stop or drop.

    Args:
      D: tokens of pretraining of each point.
      score: score of each point; larger is better.
      se: standard errors.
      D_next: next number of pretraining tokens to consider.
      prices: value of a score and cost of pretraining.
      baseline: score without pretraining, if known.
    """
    fit = fit_law(D, score, se, D_next)
    if (worst := _deepest_fall(D, score, se)) > LIMIT:
        reason = f"scores fall by {worst:.1f} standard errors"
    elif (misfit := float(np.sqrt(np.mean(fit.residuals**2)))) > LIMIT:
        reason = f"the law misfits by {misfit:.1f} standard errors"
    else:
        return plug_in(D, score, se, D_next, prices)
    if baseline is not None and score.max() < baseline.value:
        return Verdict("drop", f"{reason}, and the score without pretraining is better")
    return Verdict("stop", reason)


def fit_law(
    D: Float[np.ndarray, " point"],
    score: Float[np.ndarray, " point"],
    se: Float[np.ndarray, " point"],
    D_next: float,
) -> Fit:
    """Fit the law of BLEU (cross-entropy for negative scores) by least squares."""
    x = np.log(D / np.exp(np.log(D).mean()))
    last = np.array([x.max(), np.log(D_next / D.max()) + x.max()])
    sd = _known(se, score)
    is_loss = score.mean() < 0

    def law(parameters: np.ndarray, at: np.ndarray) -> np.ndarray:
        level, slope, log_exponent = parameters
        if is_loss:
            return saturating(at, level, slope / level, np.exp(log_exponent))
        return bleu(at, level, slope / level, np.exp(log_exponent))

    def misses(parameters: np.ndarray) -> np.ndarray:
        return np.asarray((score - law(parameters, x)) / sd)

    slope, level = np.polyfit(x, score, 1)
    limits = [-np.inf, -np.inf, -LOG_EXPONENT], [np.inf, np.inf, LOG_EXPONENT]
    with np.errstate(all="ignore"):  # where the search should not go, nor stays
        found = min(
            (
                least_squares(
                    misses, [level, slope, start], bounds=limits, max_nfev=100
                )
                for start in STARTS
            ),
            key=lambda result: result.cost,
        )
    now, then = law(found.x, last)
    return Fit(misses(found.x), float(then - now))


def _deepest_fall(D: np.ndarray, score: np.ndarray, se: np.ndarray) -> float:
    """Largest fall of the mean score to a later checkpoint, over its error."""
    sd = _known(se, score)
    places = np.unique(D)
    mean = np.array([score[place == D].mean() for place in places])
    error = np.array(
        [np.sqrt((sd[place == D] ** 2).sum()) / (place == D).sum() for place in places]
    )
    falls = (mean[:, None] - mean[None]) / np.hypot(error[:, None], error[None])
    return float(np.triu(falls, 1).max())


def _known(se: np.ndarray, score: np.ndarray) -> Float[np.ndarray, " point"]:
    return np.where(np.isnan(se) | (se <= 0), SE_ALONE * np.abs(score).mean(), se)
