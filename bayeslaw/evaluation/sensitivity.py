"""How a decision depends on the choice of the model."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

from bayeslaw.decisions import Target, optimal_ratios
from bayeslaw.errors import InputError
from bayeslaw.evaluation.comparison import Comparison
from bayeslaw.inference import Fitted, Posterior

STACKED = "stacked"


@dataclass(frozen=True)
class ModelDecision:
    """The decision under one model, and its cost if another model is true.

    Attributes:
      name: name of the model, or "stacked" for all models by their weights.
      weight: weight of the model in the stacked decision.
      ratios: recommended mixture; empty if the model gives no decision.
      lower: lower end of the interval of the optimal ratio; empty for the stacked.
      upper: upper end of it.
      regret: expected excess over the optimum of each draw, as a fraction of the loss,
        under each model that gives a decision.
      failed_checks: checks that the model's posterior failed.
      reason: why the model gives no decision; empty if it gives one.
    """

    name: str
    weight: float
    ratios: dict[str, float]
    lower: dict[str, float]
    upper: dict[str, float]
    regret: dict[str, float]
    failed_checks: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Sensitivity:
    """Decisions of several models for one target run.

    Attributes:
      models: one decision a model, in the order given, the stacked one last.
      N: non-embedding parameters of the target run.
      D: training tokens of the target run.
      normalised: whether each family's loss was divided by its loss at p = 1.
      probability: probability of the intervals.
    """

    models: tuple[ModelDecision, ...]
    N: float
    D: float
    normalised: bool
    probability: float

    def to_dict(self) -> dict[str, Any]:
        """Convert to a plain record for JSON."""
        return asdict(self)


def decision_sensitivity(
    posteriors: Mapping[str, Posterior],
    *,
    N: float,
    D: float,
    comparison: Comparison | None = None,
    weights: Mapping[str, float] | None = None,
    normalised: bool = False,
    probability: float = 0.9,
) -> Sensitivity:
    """Decide under every model, and evaluate each decision under every other model.

    Laws, likelihoods and priors may differ between posteriors. Failed checks are listed
    and do not stop the comparison.

    Args:
      posteriors: results of `fit` by name.
      N: non-embedding parameters of the target run.
      D: training tokens of the target run.
      comparison: result of `compare`, for the weights of the stacked decision: stacking
        among the models that give a decision. Equal weights if not given.
      weights: importance of each family; equal if not given.
      normalised: minimise L_i / L_i(p = 1) instead of L_i.
      probability: probability of every interval.

    Returns:
      the decisions, see `Sensitivity`.

    Raises:
      InputError: no model gives a decision, an input is out of range, or the models
        describe different families.

    Example:
      >>> decision_sensitivity(posteriors, N=1e9, D=2e10).models[-1].ratios
    """
    options = {"N": N, "D": D, "weights": weights, "normalised": normalised}
    fitted = {name: Fitted.of(posterior) for name, posterior in posteriors.items()}
    decisions, reasons = _decide(fitted, {**options, "probability": probability})
    targets = {
        name: Target(fitted[name], N, D, weights, normalised) for name in decisions
    }
    _require_same_families(targets)
    least = {
        n: target.loss(decisions[n].optimal_draws) for n, target in targets.items()
    }
    shares = dict.fromkeys(decisions, 1 / len(decisions))
    if comparison is not None:
        shares = comparison.stacked(list(decisions))

    def regret(mixture: np.ndarray) -> dict[str, float]:
        return {
            name: float((target.loss(mixture) / least[name] - 1).mean())
            for name, target in targets.items()
        }

    models = [
        ModelDecision(
            name=name,
            weight=shares[name],
            ratios=decision.ratios,
            lower={one.name: one.lower for one in decision.families},
            upper={one.name: one.upper for one in decision.families},
            regret=regret(np.array(list(decision.ratios.values()))),
            failed_checks=decision.doubts.failed_checks,
        )
        for name, decision in decisions.items()
    ]
    stacked = _stacked_action(targets, shares)
    models += [
        ModelDecision(name, 0.0, {}, {}, {}, {}, reason=reason)
        for name, reason in reasons.items()
    ]
    ratios = next(iter(targets.values())).named(stacked)
    models.append(ModelDecision(STACKED, 1.0, ratios, {}, {}, regret(stacked)))
    return Sensitivity(tuple(models), N, D, normalised, probability)


def _decide(
    posteriors: Mapping[str, Fitted], options: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Decide with each model; give the reason for each model that cannot."""
    decisions, errors = {}, {}
    for name, posterior in posteriors.items():
        try:
            decisions[name] = optimal_ratios(
                posterior, allow_failed_checks=True, **options
            )
        except InputError as error:
            errors[name] = error
    if not decisions:
        raise next(iter(errors.values()))
    # A family's name or weight that is wrong is wrong for all; what is left is a model
    # whose law cannot decide.
    return decisions, {name: error.what for name, error in errors.items()}


def _require_same_families(targets: Mapping[str, Target]) -> None:
    families = {name: target.sources for name, target in targets.items()}
    if len(set(families.values())) > 1:
        raise InputError(
            "the models describe different families",
            "models " + ", ".join(families),
            "; ".join(f"{n}: {', '.join(names)}" for n, names in families.items()),
            "the same families in the same order",
            "fit the models to the same rows",
        )


def _stacked_action(
    targets: Mapping[str, Target], shares: Mapping[str, float]
) -> np.ndarray:
    """The one mixture with the lowest loss expected over models and draws."""
    sources = next(iter(targets.values())).sources

    def loss(log_odds: np.ndarray) -> float:
        mixture = _softmax(log_odds)
        return sum(
            shares[name] * float(target.loss(mixture).mean())
            for name, target in targets.items()
        )

    start = np.zeros(len(sources) - 1)
    scale = loss(start)
    found = minimize(lambda x: loss(x) / scale, start, options={"gtol": 1e-9})
    return _softmax(found.x)


def _softmax(log_odds: np.ndarray) -> np.ndarray:
    """Mixture from the log odds of every family against the last."""
    odds = np.exp(np.append(log_odds, 0.0))
    return odds / odds.sum()
