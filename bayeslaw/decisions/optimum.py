"""From a posterior to a decision: optimal ratios, their uncertainty, what they gain."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from bayeslaw.checks import (
    PriorSensitivity,
    extrapolation_of,
    require_passed,
    sensitivities,
)
from bayeslaw.decisions.constraints import FREE, Constraints
from bayeslaw.decisions.decision import (
    Decision,
    Doubts,
    FamilyRatio,
    Flatness,
    Limited,
    MadeFrom,
    TargetRun,
)
from bayeslaw.decisions.flatness import flat_boundary, flat_end, flat_radius
from bayeslaw.decisions.regret import OWN, p_better, regret_by_family, regret_of
from bayeslaw.decisions.target import Target, mixture_array
from bayeslaw.decisions.target_loss import PUBLISHED_R
from bayeslaw.decisions.usual_mixtures import named_mixtures
from bayeslaw.errors import InputError
from bayeslaw.inference import Fitted, Posterior
from bayeslaw.numbers import interval_levels

# A regret below this share of the loss is far inside seed noise of real runs.
FLAT_TOLERANCE = 1e-3


def optimal_ratios(
    posterior: Posterior,
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
      normalised: minimise L_i / L_i(p = 1) instead of L_i; then only a family's ratio
        exponent matters, not its loss level.
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
    fitted = Fitted.of(posterior)
    target = Target(fitted, N, D, weights, normalised, constraints)
    checks = require_passed(fitted, allow_failed_checks=allow_failed_checks)
    best, is_solved = target.best_per_draw()
    action = target.best()
    others = _others(fitted, target, mixtures or {})
    losses = {OWN: target.loss(action)}
    losses |= {name: target.loss(ratios) for name, ratios in others.items()}
    return Decision(
        target=_target_run(fitted, target, action, normalised=normalised),
        families=_families(fitted, target, action, best, probability),
        probability=probability,
        expected_loss=float(losses[OWN].mean()),
        recommended=regret_of(OWN, target, action, action, best, probability),
        compared=tuple(
            regret_of(name, target, ratios, action, best, probability)
            for name, ratios in others.items()
        ),
        p_better=p_better(losses),
        flat=_flatness(target, action, best),
        limited=_limited(fitted, target, action),
        doubts=Doubts(
            failed_checks=tuple(check.name for check in checks.failures),
            warnings=checks.clauses(),
            prior_sensitivity=tuple(_sensitivity(fitted, target.sources, best)),
            unsolved_draws=int((~is_solved).sum()),
            is_proved=target.is_convex(action),
        ),
        made_from=MadeFrom(
            fitted.origin, fitted.record["spec_sha256"], fitted.record["table_sha256"]
        ),
        optimal_draws=best,
    )


def _target_run(
    fitted: Fitted, target: Target, action: np.ndarray, *, normalised: bool
) -> TargetRun:
    return TargetRun(
        N=float(target.N),
        D=float(target.D),
        normalised=normalised,
        unit="relative to p = 1" if normalised else fitted.unit,
        extrapolation=extrapolation_of(
            fitted, N=target.N, D=target.D, ratios=target.named(action)
        ),
    )


def _families(
    fitted: Fitted,
    target: Target,
    action: np.ndarray,
    best: np.ndarray,
    probability: float,
) -> tuple[FamilyRatio, ...]:
    """One record for everything the mixture is made of."""
    low, high = interval_levels(probability)
    lower, median, upper = np.quantile(best, [low, 0.5, high], axis=0)
    flat_lower, flat_upper = (
        flat_end(target, action, sign, FLAT_TOLERANCE) for sign in (-1.0, 1.0)
    )
    doubled = _doubled_weights(target)
    weights = dict(zip(target.families, target.w.tolist(), strict=True))
    regrets = regret_by_family(target, action, best) if target.is_free else {}
    unique = fitted.record["unique_tokens"]
    return tuple(
        FamilyRatio(
            name=name,
            weight=weights.get(name, 0.0),
            ratio=float(action[i]),
            lower=float(lower[i]),
            median=float(median[i]),
            upper=float(upper[i]),
            flat_lower=float(flat_lower[i]),
            flat_upper=float(flat_upper[i]),
            doubled_weight=float(doubled[i]),
            regret=regrets.get(name),
            epochs=target.D * float(action[i]) / unique[name]
            if name in unique
            else None,
        )
        for i, name in enumerate(target.sources)
    )


def _doubled_weights(target: Target) -> np.ndarray:
    """Recommended share of each family if its own weight were doubled."""
    shares = target.best()
    for family in target.families:
        i = target.sources.index(family)
        emphasis = 1.0 + (np.array(target.families) == family)
        shares[i] = target.best(emphasis)[i]
    return shares


def _others(
    fitted: Fitted, target: Target, mixtures: Mapping[str, Mapping[str, float]]
) -> dict[str, np.ndarray]:
    """The usual mixtures, and the user's own after them."""
    usual = named_mixtures(target.sources, fitted.record["unique_tokens"], target.D)
    if taken := {OWN, *usual} & set(mixtures):
        raise InputError(
            "mixture has the name of one that is always compared",
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


def _flatness(target: Target, action: np.ndarray, best: np.ndarray) -> Flatness:
    """How far the recommended mixture can be left for less than the tolerance."""
    # These statements are about convex losses, all around the mixture.
    is_convex = target.is_free and target.is_convex(action)
    is_settled = target.loss(action) <= target.loss(best) * (1 + FLAT_TOLERANCE)
    return Flatness(
        tolerance=FLAT_TOLERANCE,
        radius=flat_radius(target, action, FLAT_TOLERANCE) if is_convex else None,
        p_settled=float(is_settled.mean()),
        boundary=flat_boundary(target, action, FLAT_TOLERANCE)
        if is_convex and len(action) == 3
        else np.empty((0, len(action))),
    )


def _limited(fitted: Fitted, target: Target, action: np.ndarray) -> Limited:
    given = target.constraints
    return Limited(
        constraints=given.to_dict() | _repetition(fitted, given),
        binding=target.feasible.binding(action),
        risk_loss=target.risk(action),
    )


def _repetition(fitted: Fitted, constraints: Constraints) -> dict[str, str]:
    """Where the worth of repeated tokens comes from, if it is used."""
    if not constraints.repeats:
        return {}
    if "log_R" in fitted.law.coordinates:
        return {"R": "R of each draw, fitted with the model"}
    return {"R": f"R = {PUBLISHED_R} as published (Muennighoff et al. 2023)"}


def _sensitivity(
    fitted: Fitted, families: tuple[str, ...], best: np.ndarray
) -> list[PriorSensitivity]:
    """How the optimal ratio of each family answers to prior and likelihood."""
    sizes = fitted.posterior.sizes
    optimum = xr.DataArray(
        best.reshape(sizes["chain"], sizes["draw"], len(families)),
        dims=("chain", "draw", "family"),
        coords={"family": list(families)},
    )
    return sensitivities(fitted.tree, xr.Dataset({"ratio": optimum}))
