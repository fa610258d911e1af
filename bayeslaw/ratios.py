"""From a posterior to a decision: optimal ratios, their uncertainty, what they gain."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from bayeslaw.decision import Decision, MixtureVerdict
from bayeslaw.diagnostics import require_passed
from bayeslaw.errors import InputError
from bayeslaw.extrapolation import extrapolation
from bayeslaw.flatness import flat_boundary, flat_radius
from bayeslaw.named_mixtures import named_mixtures
from bayeslaw.posterior import provenance
from bayeslaw.power_scaling import PriorSensitivity, sensitivities
from bayeslaw.regrets import p_better, regret_by_family
from bayeslaw.simplex import optimum_in_expectation, optimum_per_draw
from bayeslaw.target import Target, mixture_array

OWN = "recommended"
# A regret below this share of the loss is far inside seed noise of real runs.
FLAT_TOLERANCE = 1e-3
# Range of the data multiplier searched for the compute-equivalent of a regret.
MAX_DATA_FACTOR = 1e4
COMPUTE_DRAWS = 1000


def optimal_ratios(
    posterior: xr.DataTree,
    *,
    N: float,
    D: float,
    weights: Mapping[str, float] | None = None,
    normalised: bool = False,
    mixtures: Mapping[str, Mapping[str, float]] | None = None,
    probability: float = 0.9,
    allow_failed_checks: bool = False,
) -> Decision:
    """Choose sampling ratios for a target run, with their uncertainty and regret.

    Each draw's optimum minimises sum_i w_i L_i(N, D, p_i) on the simplex; the
    recommended mixture minimises the same averaged over draws (Bayes action).

    Args:
      posterior: result of `fit`.
      N: non-embedding parameters of the target run.
      D: training tokens of the target run, in the table's token unit.
      weights: importance of each family, any positive scale; equal if not given.
      normalised: minimise L_i / L_i(p = 1) instead of L_i; then a family's loss level
        no longer counts, only its ratio exponent.
      mixtures: the user's own mixtures, compared beside the standard ones.
      probability: probability of every interval.
      allow_failed_checks: decide although a check failed; the decision says so.

    Returns:
      the decision, see `Decision`.

    Raises:
      InputError: a target, weight or mixture is out of range or names no family.
      FailedChecksError: a check failed and `allow_failed_checks` is False.

    Source: He et al. 2024, arXiv 2410.12883, section 5 (point estimate only).

    Example:
      >>> decision = optimal_ratios(posterior, N=1e9, D=2e10)
      >>> decision.ratios["romance"]
    """
    target = Target(posterior, N, D, weights, normalised)
    checks = require_passed(posterior, allow_failed_checks=allow_failed_checks)
    best = optimum_per_draw(target.a, target.g)
    action = optimum_in_expectation(target.a, target.g)
    compared = _compared(posterior, target, mixtures or {})
    record = provenance(posterior)
    return Decision(
        families=target.families,
        N=float(N),
        D=float(D),
        weights=dict(zip(target.families, target.w.tolist(), strict=True)),
        normalised=normalised,
        unit="relative to p = 1" if normalised else ", ".join(record["unit"]),
        origin=", ".join(record["origin"]),
        probability=probability,
        ratios=target.named(action),
        epochs=_epochs(target, action, record["unique_tokens"]),
        **_intervals(target, best, probability),
        **_flat(target, action),
        expected_loss=float(target.loss(action).mean()),
        recommended=_verdict(OWN, target, action, action, best, probability),
        compared=tuple(
            _verdict(name, target, ratios, action, best, probability)
            for name, ratios in compared.items()
        ),
        **_pairs_and_prospect(target, action, best, compared),
        doubled_weight=target.named(_doubled_weights(target)),
        extrapolation=extrapolation(posterior, N=N, D=D, ratios=target.named(action)),
        failed_checks=tuple(check.name for check in checks.failures),
        warnings=tuple(f"{check.name}: {check.value}" for check in checks.warnings),
        spec_sha256=record["spec_sha256"],
        table_sha256=record["table_sha256"],
        optimal_draws=best,
        sensitivity=tuple(_sensitivity(posterior, target.families, best)),
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
    """The usual mixtures, and the user's own after them."""
    unique = provenance(posterior)["unique_tokens"]
    usual = named_mixtures(target.families, unique, target.D)
    if taken := {OWN, *usual} & set(mixtures):
        raise InputError(
            "mixture has the name of one that is compared anyhow",
            "argument mixtures",
            ", ".join(sorted(taken)),
            f"other names than {', '.join([OWN, *usual])}",
            "give it another name (a file with one mixture gives it its own name)",
        )
    return usual | {
        name: mixture_array(mixture, target.families, f"mixture {name!r}")
        for name, mixture in mixtures.items()
    }


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
    factor = np.ones(1) if name == OWN else _data_factor(target, ratios, action)
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
    )


def _data_factor(target: Target, ratios: np.ndarray, action: np.ndarray) -> np.ndarray:
    """How many times more tokens a mixture needs to match the recommended one.

    Compute is proportional to tokens at fixed size, so this is its compute-equivalent;
    infinite where no amount of data makes up for the mixture.
    """
    pick = np.linspace(0, len(target.g) - 1, min(COMPUTE_DRAWS, len(target.g)))
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


def _flat(target: Target, action: np.ndarray) -> dict[str, Any]:
    """How far the recommended mixture can be left for less than the tolerance."""
    is_plane = len(action) == 3
    return {
        "flat_lower": target.named(_flat_end(target, action, -1.0)),
        "flat_upper": target.named(_flat_end(target, action, +1.0)),
        "flat_tolerance": FLAT_TOLERANCE,
        "flat_radius": flat_radius(target, action, FLAT_TOLERANCE),
        "flat_boundary": flat_boundary(target, action, FLAT_TOLERANCE)
        if is_plane
        else np.empty((0, len(action))),
    }


def _pairs_and_prospect(
    target: Target,
    action: np.ndarray,
    best: np.ndarray,
    compared: Mapping[str, np.ndarray],
) -> dict[str, Any]:
    """Which mixtures are better than which, and what knowing more could gain."""
    losses = {OWN: target.loss(action)}
    losses |= {name: target.loss(ratios) for name, ratios in compared.items()}
    is_settled = losses[OWN] <= target.loss(best) * (1 + FLAT_TOLERANCE)
    return {
        "p_better": p_better(losses),
        "p_settled": float(is_settled.mean()),
        "regret_by_family": target.named(regret_by_family(target, action, best)),
    }


def _epochs(
    target: Target, action: np.ndarray, unique: Mapping[str, float]
) -> dict[str, float]:
    """How often the mixture sees the text of each family of known size."""
    return {
        family: target.D * ratio / unique[family]
        for family, ratio in target.named(action).items()
        if family in unique
    }


def _flat_end(target: Target, action: np.ndarray, sign: float) -> np.ndarray:
    """How far each share can move alone before it costs the tolerance.

    The other shares keep their proportions; the end is found by bisection on log odds.
    """
    limit = target.loss(action).mean() * (1 + FLAT_TOLERANCE)
    ends = np.ones(len(action))
    if len(action) == 1:
        return ends
    for i, share in enumerate(action):
        log_odds = np.log(share / (1 - share))
        low, high = 0.0, 20.0
        for _ in range(40):
            middle = (low + high) / 2
            moved = 1 / (1 + np.exp(-(log_odds + sign * middle)))
            ratios = action * (1 - moved) / (1 - share)
            ratios[i] = moved
            is_inside = target.loss(ratios).mean() <= limit
            low, high = (middle, high) if is_inside else (low, middle)
        ends[i] = 1 / (1 + np.exp(-(log_odds + sign * low)))
    return ends


def _doubled_weights(target: Target) -> np.ndarray:
    """Recommended share of each family if its own weight were doubled."""
    n_families = len(target.families)
    factors = np.ones((n_families, n_families)) + np.eye(n_families)
    return np.array(
        [
            optimum_in_expectation(target.a * factor, target.g)[i]
            for i, factor in enumerate(factors)
        ]
    )
