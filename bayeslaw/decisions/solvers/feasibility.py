"""Which mixtures limits leave: none, one, or some with room on all sides."""

import numpy as np
from jaxtyping import Float

from bayeslaw.decisions.solvers.interior import Limits

# Limits without room on all sides, such as equal bounds, are moved out by so much.
ROOM = 1e-8


def no_limits(n_sources: int) -> Limits:
    """Limits of mixtures that may be anything."""
    none = np.zeros((0, n_sources))
    return Limits(np.zeros(n_sources), np.ones(n_sources), none, np.zeros(0))


def roomiest(limits: Limits) -> tuple[Float[np.ndarray, " source"], float]:
    """The mixture farthest from all limits, and how far; below 0 if none keeps them."""
    from scipy.optimize import linprog

    n_sources, capped = len(limits.lower), limits.is_capped
    unit = np.eye(n_sources)
    norms = np.linalg.norm(limits.weights, axis=1)
    rows = np.concatenate([-unit, unit[capped], limits.weights])
    room = np.concatenate([np.ones(n_sources + capped.sum()), norms])
    most = np.concatenate([-limits.lower, limits.upper[capped], limits.most])
    found = linprog(
        np.append(np.zeros(n_sources), -1.0),
        A_ub=np.column_stack([rows, room]),
        b_ub=most,
        A_eq=np.append(np.ones(n_sources), 0.0)[None],
        b_eq=[1.0],
        bounds=(None, None),
    )
    return found.x[:-1], float(found.x[-1])


def inside(limits: Limits) -> tuple[Float[np.ndarray, "1 source"], Limits]:
    """A mixture strictly inside limits, and these limits with room on all sides.

    Raises:
      ValueError: no mixture keeps the limits.
    """
    start, room = roomiest(limits)
    if room < ROOM / 10:
        if room < -ROOM / 10:
            raise ValueError(
                f"no mixture keeps the limits; nearest misses by {-room:g}"
            )
        limits = Limits(
            np.maximum(limits.lower - ROOM, 0.0),
            limits.upper + ROOM,
            limits.weights,
            limits.most + ROOM,
        )
        start, _ = roomiest(limits)
    return start[None] / start.sum(), limits
