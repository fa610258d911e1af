"""What an interior-point step needs of each objective: its gradient and curvature.

Mixtures p are (batch, source): one for each draw, or one row for all draws together.
The maximum in an objective becomes a bound t >= pieces; slacks and multipliers of the
pieces are kept here and eliminated from each Newton system, so that the mixture is all
that is left to solve for.
"""

import numpy as np
from jaxtyping import Float

from bayeslaw.decisions.solvers.weighted_losses import Losses

Mixtures = Float[np.ndarray, "batch source"]
Column = Float[np.ndarray, "batch 1"]
# Hessians, or their diagonals.
Curvature = Float[np.ndarray, "batch source"] | Float[np.ndarray, "batch source source"]
# Of the bound on the pieces above them at the start; losses are about 1. With less the
# first steps run into pieces at once, and further ones stay short.
START_SLACK = 2.0
CACHED_VALUES = 32_768
# Share of the way to the end of a step that is taken.
KEPT = 0.995


class Sum:
    """Sum of the families' losses: of each draw, or averaged over draws.

    The methods are those of every objective.
    """

    def __init__(self, losses: Losses, *, together: bool):
        self._losses, self._together = losses, together

    def model(self, p: Mixtures, mu: Column) -> tuple[Mixtures, Curvature]:
        """Gradient and curvature of the Newton system at barrier mu."""
        slope, bend = self._losses.by_ratio(self._losses.effective(p))
        n = len(self._losses) if self._together else 1
        return (
            _total(_pulled(self._losses, slope / n), self._together),
            _curvature(self._losses, bend / n, self._together),
        )

    def follow(self, step: Mixtures) -> tuple[Column, Column]:
        """How far slacks and multipliers allow this step of the mixtures."""
        return np.ones((len(step), 1)), np.ones((len(step), 1))

    def move(self, primal: Column, dual: Column) -> None:
        """Take such shares of that step."""

    def gap(self) -> Column | None:
        """Sum of slacks times multipliers of pieces; None where there are none."""
        return None

    @property
    def n_pieces(self) -> int:
        """Pieces of the maximum of one mixture."""
        return 0


class Worst:
    """Largest loss of a family times a weight: of each draw, or summed over draws."""

    def __init__(
        self, losses: Losses, start: Mixtures, *, together: bool, weight: float = 1.0
    ):
        self._losses, self._together, self._weight = losses, together, weight
        heights = losses.at(start)
        self._top = heights.max(-1, keepdims=True) + START_SLACK
        self._slack = self._top - heights
        share = 1 / self._slack
        self._dual = self._weight * share / share.sum(-1, keepdims=True)

    def model(self, p: Mixtures, mu: Column) -> tuple[Mixtures, Curvature]:
        """See `Sum`."""
        losses, together = self._losses, self._together
        q = losses.effective(p)
        moving, slope, bend = losses.moving(np.log(q))
        slope, bend = slope / q, (bend - slope) / q**2
        self._residual = self._slack + losses.floor + moving - self._top
        self._steep = self._dual / self._slack
        self._target = mu / self._slack + self._steep * self._residual
        self._slope = slope
        self._stiffness = self._steep.sum(-1, keepdims=True)
        self._excess = self._target.sum(-1, keepdims=True) - self._weight
        shared = _pulled(losses, self._steep * slope)
        gradient = _pulled(losses, self._target * slope)
        gradient = gradient - shared * (self._excess / self._stiffness)
        own = self._dual * bend + self._steep * slope**2
        curvature = _full(_curvature(losses, own, together))
        curvature = curvature - _outer(shared / np.sqrt(self._stiffness), together)
        return _total(gradient, together), curvature

    def follow(self, step: Mixtures) -> tuple[Column, Column]:
        """See `Sum`."""
        rise = self._slope * self._losses.effective(step)
        top = (self._steep * rise).sum(-1, keepdims=True) + self._excess
        self._d_top = top / self._stiffness
        self._d_slack = self._d_top - rise - self._residual
        self._d_dual = self._target + self._steep * (rise - self._d_top) - self._dual
        return (
            longest(self._by_batch(self._slack), self._by_batch(self._d_slack)),
            longest(self._by_batch(self._dual), self._by_batch(self._d_dual)),
        )

    def move(self, primal: Column, dual: Column) -> None:
        """See `Sum`."""
        self._top = self._top + primal * self._d_top
        self._slack = self._slack + primal * self._d_slack
        self._dual = self._dual + dual * self._d_dual

    def gap(self) -> Column:
        """See `Sum`."""
        own = np.einsum("ij,ij->i", self._slack, self._dual)[:, None]
        return _total(own, self._together)

    @property
    def n_pieces(self) -> int:
        """See `Sum`."""
        return self._slack.size if self._together else self._slack.shape[1]

    def _by_batch(self, values: np.ndarray) -> np.ndarray:
        return values.reshape(1, -1) if self._together else values


class Tail:
    """Mean over the worst share of draws of the sum of losses (CVaR).

    It is the least over c of c + mean(max(loss - c, 0)) / share.

    Source: Rockafellar and Uryasev 2000, Journal of Risk 2(3), theorem 1.
    """

    def __init__(self, losses: Losses, start: Mixtures, *, share: float):
        self._losses = losses
        self._parts = parts_of(losses)
        self._losses_of = [losses.take(part) for part in self._parts]
        self._slope = np.empty((len(losses), losses.n_sources))
        self._weight = 1 / (share * len(losses))
        sums = losses.at(start).sum(-1)
        self._cut = float(np.quantile(sums, 1 - share))
        over = np.stack([sums - self._cut, np.zeros_like(sums)])
        self._top = over.max(0) + START_SLACK
        self._slack = self._top - over
        inverse = 1 / self._slack
        self._dual = self._weight * inverse / inverse.sum(0)

    def model(self, p: Mixtures, mu: Column) -> tuple[Mixtures, Curvature]:
        """See `Sum`."""
        sums, own = self._evaluate(p)
        over = sums - self._cut
        heights = np.stack([over, np.zeros_like(over)])
        self._residual = self._slack + heights - self._top
        self._steep = self._dual / self._slack
        self._target = mu[0, 0] / self._slack + self._steep * self._residual
        self._stiffness = self._steep.sum(0)
        self._excess = self._target.sum(0) - self._weight
        pull = self._target[0] - self._steep[0] / self._stiffness * self._excess
        bound = self._steep.prod(0) / self._stiffness
        self._cut_bend = bound.sum()
        self._cut_slope = 1 - pull.sum()
        self._cross = bound @ self._slope
        gradient = pull @ self._slope + self._cross * (self._cut_slope / self._cut_bend)
        curvature = own + (self._slope * bound[:, None]).T @ self._slope
        curvature = curvature - np.outer(self._cross, self._cross) / self._cut_bend
        return gradient[None], curvature[None]

    def _evaluate(self, p: Mixtures) -> tuple[np.ndarray, np.ndarray]:
        """Sums of losses and their weighted Hessian; keeps their slopes by ratio."""
        sums, own = np.empty(len(self._losses)), np.zeros((p.shape[1],) * 2)
        for part, losses in zip(self._parts, self._losses_of, strict=True):
            q = losses.effective(p)
            moving, slope, bend = losses.moving(np.log(q))
            slope, bend = slope / q, (bend - slope) / q**2
            sums[part] = (losses.floor + moving).sum(-1)
            self._slope[part] = _pulled(losses, slope)
            own += _full(_curvature(losses, self._dual[0, part, None] * bend, True))[0]
        return sums, own

    def follow(self, step: Mixtures) -> tuple[Column, Column]:
        """See `Sum`."""
        self._d_cut = (self._cross @ step[0] - self._cut_slope) / self._cut_bend
        over = self._slope @ step[0] - self._d_cut
        rise = np.stack([over, np.zeros_like(over)])
        self._d_top = ((self._steep * rise).sum(0) + self._excess) / self._stiffness
        self._d_slack = self._d_top - rise - self._residual
        self._d_dual = self._target + self._steep * (rise - self._d_top) - self._dual
        return (
            longest(self._slack.reshape(1, -1), self._d_slack.reshape(1, -1)),
            longest(self._dual.reshape(1, -1), self._d_dual.reshape(1, -1)),
        )

    def move(self, primal: Column, dual: Column) -> None:
        """See `Sum`."""
        self._cut += float(primal[0, 0]) * self._d_cut
        self._top = self._top + primal * self._d_top
        self._slack = self._slack + primal * self._d_slack
        self._dual = self._dual + dual * self._d_dual

    def gap(self) -> Column:
        """See `Sum`."""
        return np.array([[(self._slack * self._dual).sum()]])

    @property
    def n_pieces(self) -> int:
        """See `Sum`."""
        return self._slack.size


class WorstOverDraws:
    """Largest loss of a family averaged over draws, a part of the draws at a time."""

    def __init__(self, losses: Losses, start: Mixtures):
        weight = 1 / len(losses)
        self._parts = [
            Worst(losses.take(part), start, together=True, weight=weight)
            for part in parts_of(losses)
        ]

    def model(self, p: Mixtures, mu: Column) -> tuple[Mixtures, Curvature]:
        """See `Sum`."""
        models = [one.model(p, mu) for one in self._parts]
        gradients, curvatures = zip(*models, strict=True)
        return np.add.reduce(gradients), np.add.reduce(curvatures)

    def follow(self, step: Mixtures) -> tuple[Column, Column]:
        """See `Sum`."""
        primal, dual = zip(*(one.follow(step) for one in self._parts), strict=True)
        return np.minimum.reduce(primal), np.minimum.reduce(dual)

    def move(self, primal: Column, dual: Column) -> None:
        """See `Sum`."""
        for one in self._parts:
            one.move(primal, dual)

    def gap(self) -> Column:
        """See `Sum`."""
        return np.add.reduce([one.gap() for one in self._parts])

    @property
    def n_pieces(self) -> int:
        """See `Sum`."""
        return sum(one.n_pieces for one in self._parts)


Objective = Sum | Worst | WorstOverDraws | Tail


def parts_of(losses: Losses) -> list[slice]:
    """Draws in parts whose arrays stay in the processor's cache."""
    size = losses.a[0].size if losses.transfer is None else losses.transfer[0].size
    each = max(1, CACHED_VALUES // size)
    return [slice(first, first + each) for first in range(0, len(losses), each)]


def longest(values: Mixtures, step: Mixtures) -> Column:
    """Largest share of a step up to 1 that keeps positive values positive."""
    fastest = (step / values).min(-1, keepdims=True, initial=-KEPT)
    return -KEPT / fastest


def _total(values: np.ndarray, together: bool) -> np.ndarray:
    return values.sum(0, keepdims=True) if together else values


def _pulled(losses: Losses, by_effective: np.ndarray) -> np.ndarray:
    """Derivatives by ratios from those by effective ratios, (draw, source)."""
    if losses.transfer is None:
        return by_effective
    return (by_effective[:, None, :] @ losses.transfer)[:, 0]


def _curvature(losses: Losses, bend: np.ndarray, together: bool) -> Curvature:
    """Hessian by ratios from the second derivatives by effective ratios."""
    transfer = losses.transfer
    if transfer is None:
        return _total(bend, together)
    if together:
        flat = transfer.reshape(-1, transfer.shape[-1])
        return ((flat * bend.reshape(-1, 1)).T @ flat)[None]
    return (transfer * bend[..., None]).swapaxes(1, 2) @ transfer


def _full(curvature: Curvature) -> Float[np.ndarray, "batch source source"]:
    if curvature.ndim == 3:
        return curvature
    return curvature[..., None] * np.eye(curvature.shape[-1])


def _outer(
    vectors: np.ndarray, together: bool
) -> Float[np.ndarray, "batch source source"]:
    if together:
        return (vectors.T @ vectors)[None]
    return vectors[:, :, None] * vectors[:, None, :]
