"""Shapes that a curve may have between its first point and its last.

Time t is the logarithm of D_p, 0 at the first point and 1 at the last. Up to a level
and a scale, a curve

  rises     by g_q(t) = (e^(q t) - 1) / (e^q - 1), all along;
  settles   rises until a point t_b, and stays;
  declines  rises until a point t_b, and falls by a share of its level a unit of t.

g_q holds the laws: q = 0 is linear in log D_p, the logarithmic law of Isik et al. 2024
(2402.04177) with beta = 1, and a little above or below for other beta; q < 0 is the
saturating power law c - a D_p^-alpha; q > 0 grows like a power of D_p. Every decline
has a twin that settles at the same point, so that only the fall distinguishes it from
saturation.
"""

from dataclasses import dataclass, fields, replace
from functools import lru_cache
from itertools import product

import numpy as np
from jaxtyping import Float, Int

Times = Float[np.ndarray, " point"] | Float[np.ndarray, "shape point"]

KINDS = ("rises", "settles", "declines")
RISES, SETTLES, DECLINES = range(3)

# q, and how likely each is before the data.
CURVATURES = {-8.0: 1, -4.0: 1.5, -2.0: 2, -1.0: 2, 0.0: 2.5, 1.0: 1, 2.0: 0.5}
# Before a bend the data are fewer, and extreme curvatures look like it.
CURVATURES_BENT = {-2.0: 2, -1.0: 2, 0.0: 2.5, 1.0: 1}
BENDS = (np.arange(16) + 0.5) / 16  # t_b
WIDTHS = (0.03, 0.12)  # of the bend, in t
DECLINES_BY = {0.1: 1, 0.2: 1, 0.35: 1, 0.6: 1, 1.0: 0.7}  # share of the level


@dataclass(frozen=True)
class Shapes:
    """A finite set of shapes, as dense as a dozen points can distinguish."""

    kind: Int[np.ndarray, " shape"]  # place in `KINDS`
    curvature: Float[np.ndarray, " shape"]  # q
    bend: Float[np.ndarray, " shape"]  # t_b; NaN without one
    width: Float[np.ndarray, " shape"]  # of the bend; NaN without one
    decline: Float[np.ndarray, " shape"]  # fall a unit of t, of the level; 0 if none
    log_prior: Float[np.ndarray, " shape"]  # within its kind

    def rise(self, t: Times) -> Float[np.ndarray, "shape point"]:
        """How far each shape has risen, 0 at the first point.

        Args:
          t: times, the same for all shapes (point,) or of each (shape, point).
        """
        return _grow(self.curvature[:, None], t - self._past_bend(t))

    def fall(self, t: Times) -> Float[np.ndarray, "shape point"]:
        """How far each shape has fallen, as a share of the level; 0 at the first."""
        return self.decline[:, None] * self._past_bend(t)

    def select(self, chosen: np.ndarray) -> "Shapes":
        """Select shapes by number; the order and repetitions of `numbers` are kept."""
        return Shapes(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def between(self, rng: np.random.Generator) -> "Shapes":
        """Move each shape to a random place between itself and its neighbours."""
        bent = self.kind != RISES
        q = np.where(
            bent,
            _within(self.curvature, list(CURVATURES_BENT), rng),
            _within(self.curvature, list(CURVATURES), rng),
        )
        bend = self.bend + rng.uniform(-0.5, 0.5, len(bent)) / len(BENDS)
        falls = self.kind == DECLINES
        log_decline = np.log(np.where(falls, self.decline, 1.0))
        near = _within(log_decline, np.log(list(DECLINES_BY)).tolist(), rng)
        decline = np.where(falls, np.exp(near), 0.0)
        return replace(self, curvature=q, bend=bend, decline=decline)

    def _past_bend(self, t: np.ndarray) -> Float[np.ndarray, "shape point"]:
        """Time since the bend, with a smooth start; 0 at the first point."""
        has_bend = ~np.isnan(self.bend)
        times = np.broadcast_to(t, (len(has_bend), t.shape[-1]))[has_bend]
        bend, width = self.bend[has_bend, None], self.width[has_bend, None]
        past = np.zeros((len(has_bend), t.shape[-1]))
        past[has_bend] = width * np.logaddexp(0, (times - bend) / width)
        past[has_bend] -= width * np.logaddexp(0, -bend / width)
        return past


def _within(
    values: np.ndarray, nodes: list[float], rng: np.random.Generator
) -> np.ndarray:
    """A number for each value, nearer to its own node than to any other."""
    middles = (np.array(nodes[:-1]) + nodes[1:]) / 2
    edges = np.array([2 * nodes[0] - middles[0], *middles, 2 * nodes[-1] - middles[-1]])
    cell = np.clip(np.searchsorted(middles, values), 0, len(nodes) - 1)
    return np.asarray(rng.uniform(edges[cell], edges[cell + 1]))


def _grow(q: np.ndarray, t: np.ndarray) -> np.ndarray:
    is_straight = np.abs(q) < 1e-6
    bent = np.where(is_straight, 1.0, q)
    return np.where(is_straight, t, np.expm1(bent * t) / np.expm1(bent))


@lru_cache(maxsize=1)
def all_shapes() -> Shapes:
    """All shapes: 7 that rise, 128 that settle, 640 that decline."""
    rows = [(RISES, q, np.nan, np.nan, 0.0, w) for q, w in CURVATURES.items()]
    bent = product(CURVATURES_BENT.items(), BENDS, WIDTHS)
    for (q, weight), bend, width in bent:
        rows.append((SETTLES, q, bend, width, 0.0, weight))
        rows += [
            (DECLINES, q, bend, width, decline, weight * share)
            for decline, share in DECLINES_BY.items()
        ]
    kind, curvature, bend, width, decline, weight = np.array(rows).T
    total = np.bincount(kind.astype(int), weight)
    return Shapes(
        kind.astype(int),
        curvature,
        bend,
        width,
        decline,
        np.log(weight / total[kind.astype(int)]),
    )
