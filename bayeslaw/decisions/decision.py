"""The record of a ratio decision, and the sentences that go with it."""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from bayeslaw.checks import THRESHOLD, Extrapolation, PriorSensitivity
from bayeslaw.decisions.constraint_sentences import constraint_sentences
from bayeslaw.decisions.regret import MixtureRegret


@dataclass(frozen=True)
class Decision:
    """Recommended sampling ratios and everything needed to judge them.

    Attributes:
      families: what the mixture is made of: language families, in the order of the
        posterior, and with transfer other text that was trained on, of weight 0.
      N: non-embedding parameters of the target run.
      D: training tokens of the target run.
      weights: importance of each family, summing to 1.
      normalised: whether each family's loss was divided by its loss at p = 1.
      unit: unit of `expected_loss`.
      origin: origin of the rows behind the posterior.
      probability: probability of every interval.
      ratios: the recommended mixture (Bayes action).
      epochs: how often the recommended mixture sees the text of each family whose
        unique tokens the table states.
      lower: lower end of the interval of each draw's optimal ratio.
      median: median of each draw's optimal ratio.
      upper: upper end of the interval of each draw's optimal ratio.
      flat_lower: lowest share, others in proportion, that costs under `flat_tolerance`.
      flat_upper: highest such share.
      flat_tolerance: share of the expected loss that counts as no difference.
      flat_radius: every mixture that moves at most this share of the tokens away from
        the recommended one costs under `flat_tolerance`, see `flatness.flat_radius`;
        None under constraints, or where the loss is not convex.
      expected_loss: posterior mean of the weighted loss of the recommended mixture.
      recommended: verdict of the recommended mixture; its regret is the value of
        perfect information.
      compared: verdicts of the other mixtures.
      p_better: P(a better than b) of every two mixtures, as p_better[a][b].
      p_settled: probability that the regret of the recommended mixture is below
        `flat_tolerance`, so that no knowledge could gain more.
      regret_by_family: expected regret of the recommended mixture divided among the
        families, shares of the loss, see `regrets.regret_by_family`; empty under
        constraints.
      doubled_weight: recommended share of each family if its weight were doubled.
      extrapolation: how far the target lies from the runs.
      failed_checks: checks that failed and were allowed to.
      warnings: what the checks warn of, one clause each.
      spec_sha256: hash of the model spec.
      table_sha256: hash of the table.
      optimal_draws: optimum of each draw. Shape (draw, family).
      flat_boundary: corners of the region in which every mixture costs less than
        `flat_tolerance`, for three families where `flat_radius` is known; else none.
        Shape (point, family).
      sensitivity: how each family's optimal ratio answers to power-scaling of the
        prior and of the likelihood; empty if the posterior lacks log densities.
      constraints: limits and risk as given, see `Constraints`, and with `repeats` where
        R comes from; empty if nothing is constrained.
      binding: constraints that the recommended mixture touches.
      risk_loss: what it minimises: `expected_loss`, or with "cvar" the mean loss of the
        worst share of draws.
      unsolved_draws: draws whose optimum was not proved to be one.
      is_proved: whether the recommended mixture is; False where the losses bend the
        other way, which repetition can make them do.
    """

    families: tuple[str, ...]
    N: float
    D: float
    weights: dict[str, float]
    normalised: bool
    unit: str
    origin: str
    probability: float
    ratios: dict[str, float]
    epochs: dict[str, float]
    lower: dict[str, float]
    median: dict[str, float]
    upper: dict[str, float]
    flat_lower: dict[str, float]
    flat_upper: dict[str, float]
    flat_tolerance: float
    flat_radius: float | None
    expected_loss: float
    recommended: MixtureRegret
    compared: tuple[MixtureRegret, ...]
    p_better: dict[str, dict[str, float]]
    p_settled: float
    regret_by_family: dict[str, float]
    doubled_weight: dict[str, float]
    extrapolation: Extrapolation
    failed_checks: tuple[str, ...]
    warnings: tuple[str, ...]
    spec_sha256: str
    table_sha256: str
    optimal_draws: Float[np.ndarray, "draw family"]
    flat_boundary: Float[np.ndarray, "point family"]
    sensitivity: tuple[PriorSensitivity, ...] = ()
    constraints: dict[str, Any] = field(default_factory=dict)
    binding: tuple[str, ...] = ()
    risk_loss: float = float("nan")
    unsolved_draws: int = 0
    is_proved: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Plain record for JSON, arrays that figures are drawn from left out."""
        record = asdict(self)
        del record["optimal_draws"], record["flat_boundary"]
        return record

    def sentences(self) -> list[str]:
        """What the numbers mean, most important first."""
        return [
            *self._blocked(),
            *(f"Look before you trust: {warning}." for warning in self.warnings),
            self._objective(),
            *constraint_sentences(
                self.constraints,
                self.binding,
                self.risk_loss,
                (self.unsolved_draws, len(self.optimal_draws)),
                is_proved=self.is_proved,
            ),
            self._flatness(),
            self._information(),
            *self._gains(),
            *self._prior(),
            self._reach(),
        ]

    def _blocked(self) -> list[str]:
        if not self.failed_checks:
            return []
        return [
            "FAILED CHECKS: "
            + ", ".join(self.failed_checks)
            + ". The posterior is not "
            "to be trusted; this decision was made because failed checks were allowed."
        ]

    def _objective(self) -> str:
        kind = (
            "loss relative to training on the family alone (p = 1)"
            if self.normalised
            else "raw loss"
        )
        return (
            f"Objective: weighted {kind} at N = {self.N:.3g} non-embedding parameters "
            f"and D = {self.D:.3g} training tokens, {self._importance()}, fitted to "
            f"{self.origin} rows."
        )

    def _importance(self) -> str:
        if max(self.weights.values()) - min(self.weights.values()) < 1e-9:
            return "all families of equal weight"
        return "weights " + ", ".join(
            f"{name} {weight:.3g}" for name, weight in self.weights.items()
        )

    def _flatness(self) -> str:
        widest = max(
            self.families,
            key=lambda name: self.flat_upper[name] - self.flat_lower[name],
        )
        return (
            f"Moving one share alone inside its flat range costs less than "
            f"{self.flat_tolerance:.1%} of the loss; the widest is {widest}, "
            f"{self.flat_lower[widest]:.3f} to {self.flat_upper[widest]:.3f}. "
            f"{self._flat_region()}"
            "Judge a mixture by its regret, not by the width of these intervals."
        )

    def _flat_region(self) -> str:
        if self.flat_radius is None:
            return ""
        return (
            f"So does every mixture that moves at most {_percent(self.flat_radius)} of "
            "the tokens between families. "
        )

    def _information(self) -> str:
        verdict = self.recommended
        lower, upper = _percent(verdict.regret_lower), _percent(verdict.regret_upper)
        return (
            "Expected regret of the recommended mixture: "
            f"{_percent(verdict.regret)} of the loss ({self.probability:.0%} interval "
            f"{lower} to {upper}). {self._prospect()}"
        )

    def _prospect(self) -> str:
        """Whether more runs can improve the decision; true as far as the model is."""
        flat = f"{self.flat_tolerance:.1%}"
        if self.recommended.regret < self.flat_tolerance:
            return (
                f"More proxy runs cannot improve this decision by more than {flat} of "
                f"the loss (probability {probability(self.p_settled)} "
                f"within this model{self._doubt()})."
            )
        more = (
            "More proxy runs cannot gain more than that within this model; by more "
            f"than {flat} they can with probability "
            f"{probability(1 - self.p_settled)}."
        )
        parts = self.regret_by_family
        if not parts:
            return more
        widest = max(parts, key=lambda name: parts[name])
        return (
            f"{more} "
            f"{parts[widest] / sum(parts.values()):.0%} of it lies in the ratio of "
            f"{widest}: runs that vary it tell most."
        )

    def _doubt(self) -> str:
        misses = any(one.startswith("residual trend") for one in self.warnings)
        return ", which its residuals contradict: compare others" if misses else ""

    def _gains(self) -> list[str]:
        return [self._gain(verdict) for verdict in self.compared]

    def _gain(self, verdict: MixtureRegret) -> str:
        twin = next(one for one in self.compared if is_same(one, verdict))
        if twin.name != verdict.name:
            return (
                f"{verdict.name}: the same {len(self.families)} ratios as {twin.name}."
            )
        if verdict.p_unreachable > 0.5:
            compute = "no amount of data makes up for it"
        else:
            compute = (
                f"it needs {verdict.compute_factor:.2f} times the tokens to reach the "
                "same loss (median)"
            )
        lower, upper = _percent(verdict.regret_lower), _percent(verdict.regret_upper)
        return (
            f"{verdict.name}: regret {_percent(verdict.regret)} [{lower}, {upper}], "
            f"P(worse than recommended) {_is(verdict.p_worse)}, "
            f"P(gain exceeds one run's noise) {_is(verdict.p_beyond_noise)}; {compute}."
            + (f" It breaks: {'; '.join(verdict.breaks)}." if verdict.breaks else "")
        )

    def _prior(self) -> list[str]:
        moved = [one for one in self.sensitivity if one.diagnosis]
        if not self.sensitivity:
            return []
        if not moved:
            worst = max(self.sensitivity, key=lambda one: one.prior)
            return [
                "The optimum rests on the data more than on the priors (prior "
                f"sensitivity at most {worst.prior:.2g}, below {THRESHOLD})."
            ]
        return [
            "The priors move the optimum: "
            + ", ".join(
                f"{one.name} sensitivity {one.prior:.2f} ({one.diagnosis})"
                for one in moved
            )
            + ". State priors you mean before you use it."
        ]

    def _reach(self) -> str:
        reach = self.extrapolation
        outside = (
            "; no run tried the recommended share of " + ", ".join(reach.outside_ratios)
            if reach.outside_ratios
            else ""
        )
        return (
            f"Extrapolation: N* is {reach.N_factor:.3g} times and D* "
            f"{reach.D_factor:.3g} times the largest in the table{outside}."
        )


def is_same(a: MixtureRegret, b: MixtureRegret) -> bool:
    """Whether two mixtures are one under two names."""
    return all(abs(a.ratios[name] - b.ratios[name]) < 1e-12 for name in a.ratios)


def _percent(share: float) -> str:
    """A share as per cent with two significant digits, small ones as a bound."""
    return "< 0.001%" if abs(share) < 1e-5 else f"{100 * share:.2g}%"


def _is(value: float) -> str:
    """What a sentence says of a probability: = 0.50, > 0.99."""
    shown = probability(value)
    return shown if shown[0] in "<>" else f"= {shown}"


def probability(value: float) -> str:
    """A probability estimated from draws, which never prove 0 or 1."""
    if value >= 0.995:
        return "> 0.99"
    return "< 0.01" if value < 0.005 else f"{value:.2f}"
