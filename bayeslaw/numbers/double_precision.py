"""Double precision for what computes with losses."""

from collections.abc import Callable
from functools import wraps

import jax


def in_float64[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Run a function with jax's float64 switched on, as everything here needs.

    Losses of neighbouring mixtures differ by 1e-3 and gradients feed a symplectic
    integrator: float32 stalls the step-size adaptation. Proxies train in float32, so
    the switch is not global.
    """

    @wraps(function)
    def in_double_precision(*args: P.args, **kwargs: P.kwargs) -> R:
        with jax.enable_x64(True):
            return function(*args, **kwargs)

    return in_double_precision
