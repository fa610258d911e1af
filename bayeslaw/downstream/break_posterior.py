"""The probability that a curve has begun to fall, and how it may continue."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int
from scipy.special import log_ndtr, logsumexp, ndtri_exp

from bayeslaw.downstream.curve_shapes import (
    DECLINES,
    DECLINES_BY,
    KINDS,
    Shapes,
    all_shapes,
)
from bayeslaw.downstream.evidence import (
    Evidence,
    Points,
    evidence,
    evidence_of_pairs,
)
from bayeslaw.downstream.score_scale import AS_IT_IS, Scale
from bayeslaw.errors import InputError

LEAST_POINTS = 3
TINY = 1e-300  # so that a probability of 0 has a logarithm


@dataclass(frozen=True)
class BreakPrior:
    """Prior of the shape of a curve.

    Attributes:
      hazard: rate at which curves begin to decline, per unit of log D_p.
      settling: probability that a curve that does not decline settles in its range.
    """

    hazard: float = 0.03  # 6.7 % a decade
    settling: float = 0.45

    def of_kinds(self, span: float) -> Float[np.ndarray, " kind"]:
        """Probabilities of `KINDS` for a curve that spans some units of log D_p."""
        return kind_priors(np.array(self.hazard * span), self.settling)


USUAL_PRIOR = BreakPrior()


def prior_of_rate(share: float) -> BreakPrior:
    """The prior under which this share of curves breaks per decade of D_p."""
    return BreakPrior(hazard=-np.log1p(-share) / np.log(10))


def kind_priors(
    expected: Float[np.ndarray, "..."], settling: float
) -> Float[np.ndarray, "... kind"]:
    """Probabilities of `KINDS` from the number of declines expected in a curve."""
    stays = np.exp(-expected)
    return np.stack([stays * (1 - settling), stays * settling, 1 - stays], axis=-1)


@dataclass(frozen=True)
class BreakPosterior:
    """Posterior of one curve given its scores: a mixture of shapes.

    Attributes:
      points: the curve; larger values are better.
      first, last: D_p of its first and its last point.
      shapes: all shapes considered.
      evidence: evidence of each shape.
      log_prior: log prior of each kind, up to a constant.
      hazard: rate at which it may begin to decline later, per unit of log D_p.
      scale: scale of the points.
    """

    points: Points
    first: float
    last: float
    shapes: Shapes
    evidence: Evidence
    log_prior: Float[np.ndarray, " kind"]
    hazard: float
    scale: Scale = AS_IT_IS

    @property
    def span(self) -> float:
        """Length of the curve in units of log D_p."""
        return float(np.log(self.last / self.first))

    @property
    def checkpoints(self) -> Float[np.ndarray, " checkpoint"]:
        """The distinct D_p of its points, increasing."""
        return self.first * np.exp(np.unique(self.points.t) * self.span)

    def time(self, D: Float[np.ndarray, " point"]) -> Float[np.ndarray, " point"]:
        """Place of some D_p on the curve: 0 at the first point, 1 at the last."""
        return np.log(D / self.first) / self.span

    def given(
        self, kinds: Float[np.ndarray, " kind"], hazard: float
    ) -> "BreakPosterior":
        """The same curve with probabilities of kinds estimated from other curves."""
        log_prior = np.log(np.maximum(kinds, TINY)) - self.log_evidence
        return replace(self, log_prior=log_prior, hazard=hazard)

    @cached_property
    def log_weight(self) -> Float[np.ndarray, "shape noise"]:
        """Log probability of each shape with each noise; sums to 1."""
        shape = self.shapes.log_prior + self.log_prior[self.shapes.kind]
        joint = shape[:, None] + self.evidence.log_z
        return np.asarray(joint - logsumexp(joint))

    @property
    def log_evidence(self) -> Float[np.ndarray, " kind"]:
        """Log evidence of each kind."""
        shape = self.shapes.log_prior + self.evidence.by_shape
        kinds = range(len(KINDS))
        return np.array([logsumexp(shape[self.shapes.kind == kind]) for kind in kinds])

    @property
    def probability(self) -> dict[str, float]:
        """Probability of each kind."""
        joint = self.log_evidence + self.log_prior
        shares = np.exp(joint - logsumexp(joint))
        return dict(zip(KINDS, shares.tolist(), strict=True))

    @property
    def p_break(self) -> float:
        """Probability that the curve declines before its last point."""
        return self.probability[KINDS[DECLINES]]

    def draw(self, n: int, seed: int = 0) -> "Curves":
        """Draw curves, including how they may continue after the last point.

        Shapes are drawn from the finite set, moved to places between its members, and
        resampled by the evidence there: data with little noise distinguish more places
        than the set has.
        """
        rng = np.random.default_rng(seed)
        shape, noise = choose(np.exp(self.log_weight), n, rng)
        shapes = self.shapes.select(shape).between(rng)
        found = evidence_of_pairs(self.points, shapes, noise)
        gain = found.log_z[:, 0] - self.evidence.log_z[shape, noise]
        # Kinds keep the probabilities that they have on the set.
        for kind in range(len(KINDS)):
            is_kind = shapes.kind == kind
            if is_kind.any():
                gain[is_kind] -= logsumexp(gain[is_kind]) - np.log(is_kind.sum())
        weight = np.exp(gain - gain.max())
        again = rng.choice(n, n, p=weight / weight.sum())
        return self.complete(shapes.select(again), found.select(again), rng)

    def complete(
        self, shapes: Shapes, found: Evidence, rng: np.random.Generator
    ) -> "Curves":
        """Level, scale and future of curves whose evidence has one column."""
        n = len(shapes.kind)
        level, scale = (part[:, 0] for part in found.mean)
        v11, v12, v22 = (part[:, 0] for part in found.covariance)
        # The scale from its Normal distribution above 0, then the level given it.
        sd = np.sqrt(v22)
        log_tail = np.log(rng.uniform(size=n)) + log_ndtr(scale / sd)
        positive = scale - sd * ndtri_exp(log_tail)
        residual = np.sqrt(np.maximum(v11 - v12**2 / v22, 0))
        level = level + v12 / v22 * (positive - scale) + residual * rng.normal(size=n)
        later = 1 + rng.exponential(1 / (self.hazard * self.span), n)
        later[shapes.kind == DECLINES] = np.inf
        declines, weights = (
            np.array(list(x)) for x in (DECLINES_BY, DECLINES_BY.values())
        )
        by = rng.choice(declines, n, p=weights / weights.sum())
        return Curves(self, shapes, level, positive, later, by)


def break_posterior(
    D: Float[np.ndarray, " point"],
    value: Float[np.ndarray, " point"],
    se: Float[np.ndarray, " point"] | None = None,
    *,
    scale: Scale = AS_IT_IS,
    prior: BreakPrior = USUAL_PRIOR,
) -> BreakPosterior:
    """Compute the posterior of the shape of one curve.

    Args:
      D: tokens of pretraining, > 0; several scores may share one value.
      value: scores, in any unit.
      se: their standard errors; NaN, or None for all, where not known.
      scale: scale on which the scores follow their law; for losses, a rise is a break.
      prior: prior of the shape.

    Raises:
      InputError: fewer than three different D.

    Example:
      >>> D = 1e9 * 4.0 ** np.arange(6)
      >>> bleu = np.array([20.0, 22.0, 24.0, 25.0, 23.0, 20.0])
      >>> round(break_posterior(D, bleu, np.full(6, 0.4)).p_break, 2)
      0.98
    """
    order = np.argsort(D, kind="stable")
    first, last = float(D[order[0]]), float(D[order[-1]])
    if len(np.unique(D)) < LEAST_POINTS:
        raise InputError(
            "too few checkpoints to identify the shape of a curve",
            "argument D",
            f"{len(np.unique(D))} different values",
            f"at least {LEAST_POINTS}",
            "fine-tune and score more checkpoints",
        )
    y, error = scale.law(value, np.full(len(D), np.nan) if se is None else se)
    t = np.log(D[order] / first) / np.log(last / first)
    points = Points(t, y[order], error[order], scale.size(y))
    shapes, kinds = all_shapes(), prior.of_kinds(np.log(last / first))
    return BreakPosterior(
        points,
        first,
        last,
        shapes,
        evidence(points, shapes),
        np.log(kinds),
        prior.hazard,
        scale,
    )


def choose(
    weight: Float[np.ndarray, "shape noise"], n: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of shapes and noises, drawn by their weights."""
    flat = weight.ravel()
    drawn = rng.choice(len(flat), n, p=flat / flat.sum())
    return np.divmod(drawn, weight.shape[1])


@dataclass(frozen=True)
class Curves:
    """Curves drawn from a posterior, one per draw.

    Attributes:
      posterior: the posterior they were drawn from.
      shapes: shape of each draw.
      level: score at the first point.
      height: rise in the units of the shape.
      later: t at which a curve that has not declined begins to, drawn from the prior.
      by: speed of that decline, as a share of the level per unit of t.
    """

    posterior: BreakPosterior
    shapes: Shapes
    level: Float[np.ndarray, " draw"]
    height: Float[np.ndarray, " draw"]
    later: Float[np.ndarray, " draw"]
    by: Float[np.ndarray, " draw"]

    @property
    def kind(self) -> Int[np.ndarray, " draw"]:
        """Index in `KINDS` of each draw, within the points seen."""
        return self.shapes.kind

    @property
    def bend(self) -> Float[np.ndarray, " draw"]:
        """D_p at which each draw begins to decline."""
        t = np.where(self.kind == DECLINES, self.shapes.bend, self.later)
        with np.errstate(over="ignore"):  # so far away that it is never
            return np.asarray(self.posterior.first * np.exp(t * self.posterior.span))

    def at(self, D: Float[np.ndarray, " point"]) -> Float[np.ndarray, "draw point"]:
        """Score without noise at some D_p; larger is better."""
        return self.posterior.scale.score(self._law(self.posterior.time(D)))

    def on_points(self) -> Float[np.ndarray, "draw point"]:
        """The law at the curve's own points."""
        return self._law(self.posterior.points.t)

    def _law(self, t: Float[np.ndarray, " point"]) -> Float[np.ndarray, "draw point"]:
        before = np.minimum(t[None], self.later[:, None])
        fall = self.shapes.fall(before) + self.by[:, None] * (t[None] - before)
        rise = self.shapes.rise(before)
        L = self.posterior.points.L
        return self.level[:, None] + self.height[:, None] * rise - L * fall
