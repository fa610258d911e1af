"""Random ratio problems of every variant, as many draws and families as asked for."""

from typing import NamedTuple

import numpy as np

from bayeslaw.decisions.solvers import Limits, Losses, Repetition, no_limits

WORST_SHARE = 0.1


class Problem(NamedTuple):
    """Losses, limits and risk of one variant; `together` for one mixture over draws."""

    losses: Losses
    limits: Limits
    risk: str = "expected"
    together: bool = False


def losses(n_draws: int, n_families: int, kind: str = "power", seed: int = 0) -> Losses:
    rng = np.random.default_rng(seed)
    shape = (n_draws, n_families)
    # Families differ as much as draws of one family do.
    a = rng.lognormal(0, 0.2, n_families) * rng.lognormal(0, 0.2, shape) / n_families
    gamma = rng.lognormal(np.log(0.12), 0.35, n_families)
    g = gamma * rng.lognormal(0, 0.35, shape)
    repetition = transfer = None
    if kind == "repetition":
        # Ten epochs of all text together, from one to a hundred of a family.
        epochs = np.broadcast_to(n_families * np.geomspace(1, 100, n_families), shape)
        share = rng.uniform(0.1, 0.3, shape)
        beta, R = rng.uniform(0.25, 0.35, shape), rng.lognormal(np.log(15), 0.2, shape)
        repetition = Repetition(share, beta, R, epochs.copy())
    if kind == "transfer":
        transfer = np.exp(rng.normal(np.log(0.02), 1, (*shape, n_families)))
        transfer[:, range(n_families), range(n_families)] = 1
    return Losses(0 * a, a, g, repetition, transfer)


def bounds(n_families: int) -> Limits:
    """Between half and one and a half times the equal share."""
    free = no_limits(n_families)
    equal = 1 / n_families
    return free._replace(lower=free.lower + equal / 2, upper=1.5 * equal * free.upper)


def lines(n_families: int) -> Limits:
    """The first third at most a quarter, the last third at least 40 %."""
    third = n_families // 3
    weights = np.zeros((2, n_families))
    weights[0, :third], weights[1, -third:] = 1.0, -1.0
    return no_limits(n_families)._replace(weights=weights, most=np.array([0.25, -0.4]))


def problems(n_draws: int, n_families: int) -> dict[str, Problem]:
    """Every variant by name, transfer left out."""
    power = losses(n_draws, n_families)
    worn = losses(n_draws, n_families, "repetition")
    raised = power.scaled(n_families)
    free, box, sums = no_limits(n_families), bounds(n_families), lines(n_families)
    each = {
        "free": Problem(power, free),
        "bounds and epoch caps": Problem(power, box),
        "repetition": Problem(worn, free),
        "minimax": Problem(raised, free, "minimax"),
        "minimax, bounds": Problem(raised, box, "minimax"),
        "linear limits": Problem(power, sums),
    }
    one = {
        "free": Problem(power, free),
        "bounds and epoch caps": Problem(power, box),
        "repetition": Problem(worn, free),
        "minimax": Problem(raised, free, "minimax"),
        "cvar": Problem(power, free, "cvar"),
        "linear limits": Problem(power, sums),
    }
    return {f"per draw: {name}": problem for name, problem in each.items()} | {
        f"over draws: {name}": problem._replace(together=True)
        for name, problem in one.items()
    }


def transfer_problems(n_draws: int, n_families: int) -> dict[str, Problem]:
    problem = Problem(losses(n_draws, n_families, "transfer"), no_limits(n_families))
    return {
        "per draw: transfer": problem,
        "over draws: transfer": problem._replace(together=True),
    }
