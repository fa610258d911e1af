"""How probable it is that a curve has begun to fall, and how it may go on."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import log_ndtr, logsumexp, ndtri_exp

from bayeslaw.breaks.evidence import Evidence, Points, evidence
from bayeslaw.breaks.shapes import DECLINES, DECLINES_BY, KINDS, Shapes, all_shapes
from bayeslaw.errors import InputError

LEAST_POINTS = 3
TINY = 1e-300  # so that a probability of 0 has a logarithm


@dataclass(frozen=True)
class BreakPrior:
    """What is believed of a curve before its scores.

    Attributes:
      hazard: rate at which curves begin to decline, a unit of log D_p.
      settling: probability that a curve which does not decline settles in its range.
    """

    hazard: float = 0.03  # 7 % a decade
    settling: float = 0.45

    def of_kinds(self, span: float) -> Float[np.ndarray, " kind"]:
        """Probabilities of `KINDS` for a curve over so many units of log D_p."""
        return kind_priors(np.array(self.hazard * span), self.settling)


def kind_priors(
    expected: Float[np.ndarray, "..."], settling: float
) -> Float[np.ndarray, "... kind"]:
    """Probabilities of `KINDS` from the number of declines expected in a curve."""
    stays = np.exp(-expected)
    return np.stack([stays * (1 - settling), stays * settling, 1 - stays], axis=-1)


@dataclass(frozen=True)
class BreakPosterior:
    """What is believed of one curve after its scores: a mixture of shapes.

    Attributes:
      points: the curve, the larger the better.
      first, last: D_p of its first and its last point.
      shapes: all there are.
      evidence: of each.
      log_prior: of each kind, up to a constant.
      hazard: rate at which it may begin to decline later, a unit of log D_p.
    """

    points: Points
    first: float
    last: float
    shapes: Shapes
    evidence: Evidence
    log_prior: Float[np.ndarray, " kind"]
    hazard: float

    @property
    def span(self) -> float:
        """Length of the curve in units of log D_p."""
        return float(np.log(self.last / self.first))

    def time(self, D: Float[np.ndarray, " point"]) -> Float[np.ndarray, " point"]:
        """Place of some D_p on the curve: 0 at the first point, 1 at the last."""
        return np.log(D / self.first) / self.span

    def given(
        self, kinds: Float[np.ndarray, " kind"], hazard: float
    ) -> "BreakPosterior":
        """The same curve where other curves have told how probable each kind is."""
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
        """Of each kind."""
        joint = self.log_evidence + self.log_prior
        shares = np.exp(joint - logsumexp(joint))
        return dict(zip(KINDS, shares.tolist(), strict=True))

    @property
    def p_break(self) -> float:
        """That the curve declines before its last point."""
        return self.probability[KINDS[DECLINES]]

    def draw(self, n: int, seed: int = 0) -> "Curves":
        """Draw curves, with what may happen to them after the last point."""
        rng = np.random.default_rng(seed)
        flat = np.exp(self.log_weight.ravel())
        drawn = rng.choice(len(flat), n, p=flat / flat.sum())
        shape, noise = np.divmod(drawn, self.log_weight.shape[1])
        level, scale = (part[shape, noise] for part in self.evidence.mean)
        v11, v12, v22 = (part[shape, noise] for part in self.evidence.covariance)
        # The scale from its Normal distribution above 0, then the level given it.
        sd = np.sqrt(v22)
        log_tail = np.log(rng.uniform(size=n)) + log_ndtr(scale / sd)
        positive = scale - sd * ndtri_exp(log_tail)
        residual = np.sqrt(np.maximum(v11 - v12**2 / v22, 0))
        level = level + v12 / v22 * (positive - scale) + residual * rng.normal(size=n)
        shapes = self.shapes.select(shape)
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
    larger_is_better: bool = True,
    prior: BreakPrior = BreakPrior(),
) -> BreakPosterior:
    """What the scores of one curve say of its shape.

    Args:
      D: tokens of pretraining, > 0; several scores may have the same.
      value: scores, in any unit.
      se: their standard errors; NaN, or None for all, where not known.
      larger_is_better: False for losses, of which a rise is the break.
      prior: what is believed before.

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
            "too few checkpoints to tell a shape",
            "argument D",
            f"{len(np.unique(D))} different values",
            f"at least {LEAST_POINTS}",
            "fine-tune and score more checkpoints",
        )
    unknown = np.full(len(D), np.nan)
    points = Points(
        t=np.log(D[order] / first) / np.log(last / first),
        y=(value if larger_is_better else -value)[order],
        se=(unknown if se is None else se)[order],
    )
    shapes, kinds = all_shapes(), prior.of_kinds(np.log(last / first))
    return BreakPosterior(
        points,
        first,
        last,
        shapes,
        evidence(points, shapes),
        np.log(kinds),
        prior.hazard,
    )


@dataclass(frozen=True)
class Curves:
    """Curves of a posterior, one a draw.

    Attributes:
      posterior: what they were drawn from.
      shapes: shape of each draw.
      level: score at the first point.
      scale: rise in the units of the shape.
      later: t at which a curve that has not declined begins to, known from the prior.
      by: how fast it then does, as a share of the level a unit of t.
    """

    posterior: BreakPosterior
    shapes: Shapes
    level: Float[np.ndarray, " draw"]
    scale: Float[np.ndarray, " draw"]
    later: Float[np.ndarray, " draw"]
    by: Float[np.ndarray, " draw"]

    def at(self, D: Float[np.ndarray, " point"]) -> Float[np.ndarray, "draw point"]:
        """Score without noise at some D_p, the larger the better."""
        t = self.posterior.time(D)
        before = np.minimum(t[None], self.later[:, None])
        fall = self.shapes.fall(before) + self.by[:, None] * (t[None] - before)
        rise = self.shapes.rise(before)
        level = self.posterior.points.level
        return self.level[:, None] + self.scale[:, None] * rise - level * fall

    def breaks_before(self, D: float) -> Bool[np.ndarray, " draw"]:
        """Whether each curve has begun to decline at some D_p."""
        t = self.posterior.time(np.array([D]))
        bend = np.where(self.shapes.kind == DECLINES, self.shapes.bend, self.later)
        return bend < t
