"""From a posterior to a decision: optimal ratios, their uncertainty, what they gain."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from bayeslaw.checks import (
    PriorSensitivity,
    extrapolation_of,
    require_passed,
    sensitivities,
)
from bayeslaw.decisions.constraints import FREE, Constraints
from bayeslaw.decisions.decision import Decision
from bayeslaw.decisions.flatness import flat_boundary, flat_end, flat_radius
from bayeslaw.decisions.regret import OWN, p_better, regret_by_family, regret_of
from bayeslaw.decisions.target import Target, mixture_array
from bayeslaw.decisions.target_loss import PUBLISHED_R
from bayeslaw.decisions.usual_mixtures import named_mixtures
from bayeslaw.errors import InputError
from bayeslaw.inference import provenance, spec_of

# A regret below this share of the loss is far inside seed noise of real runs.
FLAT_TOLERANCE = 1e-3


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
        epochs=_epochs(target, action, record["unique_tokens"]),
        **_intervals(target, best, probability),
        **_flat(target, action),
        expected_loss=float(target.loss(action).mean()),
        recommended=regret_of(OWN, target, action, action, best, probability),
        compared=tuple(
            regret_of(name, target, ratios, action, best, probability)
            for name, ratios in compared.items()
        ),
        **_pairs_and_prospect(target, action, best, compared),
        doubled_weight=target.named(_doubled_weights(target)),
        extrapolation=extrapolation_of(
            posterior, N=N, D=D, ratios=target.named(action)
        ),
        failed_checks=tuple(check.name for check in checks.failures),
        warnings=checks.clauses(),
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
    """The usual mixtures, and the user's own after them."""
    unique = provenance(posterior)["unique_tokens"]
    usual = named_mixtures(target.sources, unique, target.D)
    if taken := {OWN, *usual} & set(mixtures):
        raise InputError(
            "mixture has the name of one that is compared anyhow",
            "argument mixtures",
            ", ".join(sorted(taken)),
            f"other names than {', '.join([OWN, *usual])}",
            "give it another name (a file with one mixture gives it its own name)",
        )
    may_be_zero = target.losses.transfer is not None
    return usual | {
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


def _flat(target: Target, action: np.ndarray) -> dict[str, Any]:
    """How far the recommended mixture can be left for less than the tolerance."""
    # Their statements are about convex losses, all around the mixture.
    is_convex = target.is_free and target.is_convex(action)
    return {
        "flat_lower": target.named(flat_end(target, action, -1.0, FLAT_TOLERANCE)),
        "flat_upper": target.named(flat_end(target, action, +1.0, FLAT_TOLERANCE)),
        "flat_tolerance": FLAT_TOLERANCE,
        "flat_radius": flat_radius(target, action, FLAT_TOLERANCE)
        if is_convex
        else None,
        "flat_boundary": flat_boundary(target, action, FLAT_TOLERANCE)
        if is_convex and len(action) == 3
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
        "regret_by_family": regret_by_family(target, action, best)
        if target.is_free
        else {},
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


def _doubled_weights(target: Target) -> np.ndarray:
    """Recommended share of each family if its own weight were doubled."""
    shares = target.best()
    for family in target.families:
        i = target.sources.index(family)
        emphasis = 1.0 + (np.array(target.families) == family)
        shares[i] = target.best(emphasis)[i]
    return shares
