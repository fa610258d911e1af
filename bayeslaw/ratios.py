"""From a posterior to a decision: optimal ratios, their uncertainty, what they gain."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from bayeslaw.constraints import FREE, Constraints
from bayeslaw.decision import Decision, MixtureVerdict
from bayeslaw.diagnostics import require_passed
from bayeslaw.extrapolation import extrapolation
from bayeslaw.posterior import provenance, spec_of
from bayeslaw.power_scaling import PriorSensitivity, sensitivities
from bayeslaw.ratio_form import PUBLISHED_R
from bayeslaw.solvers.levelling import fill
from bayeslaw.target import Target, mixture_array

# A regret below this share of the loss is far inside seed noise of real runs.
FLAT_TOLERANCE = 1e-3
TEMPERATURE = 0.3  # exponent of the common temperature sampling, Conneau et al. 2020
# Range of the data multiplier searched for the compute-equivalent of a regret.
MAX_DATA_FACTOR = 1e4
COMPUTE_DRAWS = 1000
# Shares below count as this where logs are taken; transfer may leave a source without.
SMALLEST = 1e-9


def optimal_ratios(
    posterior: xr.DataTree,
    *,
    N: float,
    D: float,
    weights: Mapping[str, float] | None = None,
    normalised: bool = False,
    mixtures: Mapping[str, Mapping[str, float]] | None = None,
    constraints: Constraints = FREE,
    probability: float = 0.9,
    allow_failed_checks: bool = False,
) -> Decision:
    """Choose sampling ratios for a target run, with their uncertainty and regret.

    Each draw's optimum minimises sum_i w_i L_i(N, D, p_i) between the constraints; the
    recommended mixture minimises the same averaged over draws (Bayes action), or
    another risk that the constraints name.

    Args:
      posterior: result of `fit`.
      N: non-embedding parameters of the target run.
      D: training tokens of the target run, in the table's token unit.
      weights: importance of each family, any positive scale; equal if not given.
      normalised: minimise L_i / L_i(p = 1) instead of L_i; then a family's loss level
        no longer counts, only its ratio exponent.
      mixtures: the user's own mixtures, compared beside the standard ones.
      constraints: limits on the mixture and the risk to minimise; regrets are measured
        against optima under the same constraints.
      probability: probability of every interval.
      allow_failed_checks: decide although a check failed; the decision says so.

    Returns:
      the decision, see `Decision`.

    Raises:
      InputError: a target, weight, mixture or constraint is out of range or names no
        family, or no mixture keeps all constraints.
      FailedChecksError: a check failed and `allow_failed_checks` is False.

    Source: He et al. 2024, arXiv 2410.12883, section 5 (point estimate only).

    Example:
      >>> decision = optimal_ratios(posterior, N=1e9, D=2e10)
      >>> decision.ratios["romance"]
    """
    target = Target(posterior, N, D, weights, normalised, constraints)
    checks = require_passed(posterior, allow_failed_checks=allow_failed_checks)
    best, is_solved = target.best_per_draw()
    action = target.best()
    compared = _compared(posterior, target, mixtures or {})
    record = provenance(posterior)
    return Decision(
        families=target.sources,
        N=float(N),
        D=float(D),
        weights=dict.fromkeys(target.sources, 0.0)
        | dict(zip(target.families, target.w.tolist(), strict=True)),
        normalised=normalised,
        unit="relative to p = 1" if normalised else ", ".join(record["unit"]),
        origin=", ".join(record["origin"]),
        probability=probability,
        ratios=target.named(action),
        **_intervals(target, best, probability),
        flat_lower=target.named(_flat_end(target, action, -1.0)),
        flat_upper=target.named(_flat_end(target, action, +1.0)),
        flat_tolerance=FLAT_TOLERANCE,
        expected_loss=float(target.loss(action).mean()),
        recommended=_verdict("recommended", target, action, action, best, probability),
        compared=tuple(
            _verdict(name, target, ratios, action, best, probability)
            for name, ratios in compared.items()
        ),
        doubled_weight=target.named(_doubled_weights(target)),
        extrapolation=extrapolation(posterior, N=N, D=D, ratios=target.named(action)),
        failed_checks=tuple(check.name for check in checks.failures),
        warnings=tuple(f"{check.name}: {check.value}" for check in checks.warnings),
        spec_sha256=record["spec_sha256"],
        table_sha256=record["table_sha256"],
        optimal_draws=best,
        sensitivity=tuple(_sensitivity(posterior, target.sources, best)),
        unsolved_draws=int((~is_solved).sum()),
        **_constrained(posterior, target, action),
    )


def _sensitivity(
    posterior: xr.DataTree, families: tuple[str, ...], best: np.ndarray
) -> list[PriorSensitivity]:
    """How the optimal ratio of each family answers to prior and likelihood."""
    sizes = posterior["posterior"].sizes
    shape = (sizes["chain"], sizes["draw"], len(families))
    optimum = xr.DataArray(
        best.reshape(shape),
        dims=("chain", "draw", "family"),
        coords={"family": list(families)},
    )
    return sensitivities(posterior, xr.Dataset({"ratio": optimum}))


def _intervals(target: Target, best: np.ndarray, probability: float) -> dict[str, Any]:
    """Central interval and median of each draw's optimal ratios, by family."""
    tail = (1 - probability) / 2
    levels = {"lower": tail, "median": 0.5, "upper": 1 - tail}
    return {
        name: target.named(np.quantile(best, level, axis=0))
        for name, level in levels.items()
    }


def _compared(
    posterior: xr.DataTree,
    target: Target,
    mixtures: Mapping[str, Mapping[str, float]],
) -> dict[str, np.ndarray]:
    """The usual mixtures and the user's own, by name."""
    may_be_zero = target.losses.transfer is not None
    return _standard_mixtures(posterior, target.sources) | {
        name: mixture_array(
            mixture, target.sources, f"mixture {name!r}", may_be_zero=may_be_zero
        )
        for name, mixture in mixtures.items()
    }


def _constrained(
    posterior: xr.DataTree, target: Target, action: np.ndarray
) -> dict[str, Any]:
    """What a decision says of its constraints."""
    given = target.constraints
    return {
        "constraints": given.to_dict() | _repetition(posterior, given),
        "binding": target.allowance.binding(action),
        "risk_loss": target.risk(action),
        "is_proved": target.is_convex(action),
    }


def _repetition(posterior: xr.DataTree, constraints: Constraints) -> dict[str, str]:
    """Where the worth of repeated tokens comes from, if it counts."""
    if not constraints.repeats:
        return {}
    law = spec_of(posterior).law_record
    if "log_R" in law.coordinates:
        return {"R": "R of each draw, fitted with the model"}
    return {"R": f"R = {PUBLISHED_R} as published (Muennighoff et al. 2023)"}


def _standard_mixtures(
    posterior: xr.DataTree, families: tuple[str, ...]
) -> dict[str, np.ndarray]:
    mixtures = {"uniform": np.full(len(families), 1 / len(families))}
    unique = provenance(posterior)["unique_tokens"]
    if set(unique) >= set(families):
        sizes = np.array([unique[family] for family in families])
        mixtures["proportional"] = sizes / sizes.sum()
        tempered = sizes**TEMPERATURE
        mixtures[f"temperature {TEMPERATURE}"] = tempered / tempered.sum()
    return mixtures


def _verdict(
    name: str,
    target: Target,
    ratios: np.ndarray,
    action: np.ndarray,
    best: np.ndarray,
    probability: float,
) -> MixtureVerdict:
    loss, least = target.loss(ratios), target.loss(best)
    recommended = target.loss(action)
    regret = loss / least - 1
    tail = (1 - probability) / 2
    lower, upper = np.quantile(regret, [tail, 1 - tail])
    gain = np.log(loss / recommended)
    factor = (
        np.ones(1) if name == "recommended" else _data_factor(target, ratios, action)
    )
    return MixtureVerdict(
        name=name,
        ratios=target.named(ratios),
        regret=float(regret.mean()),
        regret_lower=float(lower),
        regret_upper=float(upper),
        p_worse=float((loss > recommended).mean()),
        p_beyond_noise=float((gain > target.noise_width(ratios)).mean()),
        compute_factor=float(np.median(factor)),
        p_unreachable=float(np.isinf(factor).mean()),
        breaks=target.allowance.broken(ratios),
    )


def _data_factor(target: Target, ratios: np.ndarray, action: np.ndarray) -> np.ndarray:
    """How many times more tokens a mixture needs to match the recommended one.

    Compute is proportional to tokens at fixed size, so this is its compute-equivalent;
    infinite where no amount of data makes up for the mixture.
    """
    n_draws = len(target.losses)
    pick = np.linspace(0, n_draws - 1, min(COMPUTE_DRAWS, n_draws))
    pick = np.unique(pick.astype(int))
    wanted = target.loss(action)[pick]

    def loss(log_factor: np.ndarray) -> np.ndarray:
        return target.loss_with_tokens(target.D * np.exp(log_factor), ratios, pick)

    low = np.full(len(pick), -np.log(MAX_DATA_FACTOR))
    high = -low
    unreachable = loss(high) > wanted
    for _ in range(40):
        middle = (low + high) / 2
        is_short = loss(middle) > wanted
        low, high = np.where(is_short, middle, low), np.where(is_short, high, middle)
    return np.where(unreachable, np.inf, np.exp(high))


def _flat_end(target: Target, action: np.ndarray, sign: float) -> np.ndarray:
    """How far each share can move alone before it costs the tolerance.

    The other shares keep their proportions, as far as their bounds let them; the end is
    found by bisection on log odds.
    """
    limit = target.risk(action) * (1 + FLAT_TOLERANCE)
    ends = np.ones(len(action))
    if len(action) == 1:
        return ends
    for i, share in enumerate(np.maximum(action, SMALLEST)):
        log_odds = np.log(share / (1 - share))
        low, high = 0.0, 20.0
        for _ in range(40):
            middle = (low + high) / 2
            moved = 1 / (1 + np.exp(-(log_odds + sign * middle)))
            ratios = _moved(target, action, i, moved)
            is_inside = ratios is not None and target.risk(ratios) <= limit
            low, high = (middle, high) if is_inside else (low, middle)
        ends[i] = 1 / (1 + np.exp(-(log_odds + sign * low)))
    return ends


def _moved(
    target: Target, action: np.ndarray, i: int, share: float
) -> np.ndarray | None:
    """The mixture with another share of one source; None if no such is allowed."""
    lower, upper, weights, most = target.allowance.limits
    others = np.arange(len(action)) != i
    low, high = lower[others], upper[others]
    rest = 1 - share
    if not (lower[i] <= share <= upper[i] and low.sum() <= rest <= high.sum()):
        return None
    ratios = np.empty_like(action)
    ratios[i] = share
    s = np.log(np.maximum(action[others], SMALLEST))[None]
    bounds = (low[None] / rest, np.minimum(high[None] / rest, 1.0))
    ratios[others] = rest * fill(s, np.ones_like(s), *bounds)[0]
    return ratios if (weights @ ratios <= most + 1e-9).all() else None


def _doubled_weights(target: Target) -> np.ndarray:
    """Recommended share of each family if its own weight were doubled."""
    shares = target.best()
    for family in target.families:
        i = target.sources.index(family)
        emphasis = 1.0 + (np.array(target.families) == family)
        shares[i] = target.best(emphasis)[i]
    return shares
