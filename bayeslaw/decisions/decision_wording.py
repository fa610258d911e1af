"""What the numbers of a decision mean, in sentences."""

from collections.abc import Iterator, Mapping
from typing import Any

from bayeslaw.checks import PRIOR_SENSITIVITY_LIMIT, warning_sentence
from bayeslaw.decisions.decision import Decision
from bayeslaw.decisions.regret import MixtureRegret
from bayeslaw.numbers import percent, probability_is, probability_text


def decision_sentences(decision: Decision) -> list[str]:
    """Put a decision into sentences, most important first."""
    return [
        *_blocked(decision),
        *(warning_sentence(one) for one in decision.doubts.warnings),
        _objective(decision),
        *_constraints(decision),
        _flatness(decision),
        _information(decision),
        *(_gain(decision, one) for one in decision.compared),
        *_prior(decision),
        _extrapolation(decision),
    ]


def _blocked(decision: Decision) -> list[str]:
    failed = decision.doubts.failed_checks
    if not failed:
        return []
    return [
        f"FAILED CHECKS: {', '.join(failed)}. Do not trust this posterior. The "
        "decision was made only because you allowed failed checks."
    ]


def _objective(decision: Decision) -> str:
    target = decision.target
    kind = (
        "loss relative to training on the family alone (p = 1)"
        if target.normalised
        else "raw loss"
    )
    return (
        f"Objective: the weighted {kind} at N = {target.N:.3g} non-embedding "
        f"parameters and D = {target.D:.3g} training tokens, {_importance(decision)}, "
        f"from {decision.made_from.origin} rows."
    )


def _importance(decision: Decision) -> str:
    weights = {one.name: one.weight for one in decision.families}
    if max(weights.values()) - min(weights.values()) < 1e-9:
        return "all families weighted equally"
    return "weights " + ", ".join(f"{k} {weight:.3g}" for k, weight in weights.items())


def _flatness(decision: Decision) -> str:
    flat = decision.flat
    widest = max(decision.families, key=lambda one: one.flat_upper - one.flat_lower)
    region = (
        ""
        if flat.radius is None
        else f"Any mixture within {percent(flat.radius)} of the tokens of the "
        f"recommended one costs less than {percent(flat.tolerance)}. "
    )
    return (
        "You can move one share anywhere in its flat range for less than "
        f"{percent(flat.tolerance)} of the loss; the widest range is that of "
        f"{widest.name}, {widest.flat_lower:.3f} to {widest.flat_upper:.3f}. {region}"
        "Judge a mixture by its regret, not by the width of these intervals."
    )


def _information(decision: Decision) -> str:
    return (
        "Expected regret of the recommended mixture: "
        f"{_with_interval(decision, decision.recommended)} of the loss. "
        f"{_prospect(decision)}"
    )


def _with_interval(decision: Decision, one: MixtureRegret) -> str:
    lower, upper = percent(one.regret_lower), percent(one.regret_upper)
    interval = f"{decision.probability:.0%} interval {lower} to {upper}"
    return f"{percent(one.regret)} ({interval})"


def _prospect(decision: Decision) -> str:
    """Whether more runs can improve the decision; true as far as the model is."""
    flat, regret = decision.flat, decision.recommended.regret
    if regret < flat.tolerance:
        return (
            "Within this model, more proxy runs cannot improve the decision by more "
            f"than {percent(flat.tolerance)} of the loss (probability "
            f"{probability_text(flat.p_settled)}{_misfit(decision)})."
        )
    more = (
        f"Within this model, more proxy runs could recover at most {percent(regret)} "
        f"on average, and more than {percent(flat.tolerance)} with probability "
        f"{probability_text(1 - flat.p_settled)}."
    )
    parts = {one.name: one.regret for one in decision.families if one.regret}
    if not parts:
        return more
    widest = max(parts, key=lambda name: parts[name])
    return (
        f"{more} {parts[widest] / sum(parts.values()):.0%} of the regret lies in the "
        f"ratio of {widest}: runs that vary it are the most informative."
    )


def _misfit(decision: Decision) -> str:
    warnings = decision.doubts.warnings
    if any(one.startswith("residual trend") for one in warnings):
        return "; the residuals show that the model is misspecified: compare others"
    return ""


def _gain(decision: Decision, one: MixtureRegret) -> str:
    twin = next(other for other in decision.compared if is_same(other, one))
    if twin.name != one.name:
        return f"{one.name}: the same {len(one.ratios)} ratios as {twin.name}."
    if one.p_unreachable > 0.5:
        compute = "no amount of data makes up for it"
    else:
        compute = (
            f"it needs {one.compute_factor:.2f} times the tokens for the same loss "
            "(median)"
        )
    breaks = f" It breaks: {'; '.join(one.breaks)}." if one.breaks else ""
    return (
        f"{one.name}: regret {_with_interval(decision, one)}, P(worse than "
        f"recommended) {probability_is(one.p_worse)}, P(difference exceeds the noise "
        f"of one run) {probability_is(one.p_beyond_noise)}; {compute}.{breaks}"
    )


def is_same(a: MixtureRegret, b: MixtureRegret) -> bool:
    """Whether two mixtures are one under two names."""
    return all(abs(a.ratios[name] - b.ratios[name]) < 1e-12 for name in a.ratios)


def _prior(decision: Decision) -> list[str]:
    measured = decision.doubts.prior_sensitivity
    if not measured:
        return []
    moved = [one for one in measured if one.diagnosis]
    if not moved:
        worst = max(measured, key=lambda one: one.prior)
        return [
            "The optimum depends on the data more than on the priors (prior "
            f"sensitivity at most {worst.prior:.2g}, limit {PRIOR_SENSITIVITY_LIMIT})."
        ]
    return [
        "The priors influence the optimum: "
        + ", ".join(
            f"{one.name} sensitivity {one.prior:.2f} ({one.diagnosis})" for one in moved
        )
        + f" (limit {PRIOR_SENSITIVITY_LIMIT}). Set priors you believe before you rely "
        "on this result."
    ]


def _extrapolation(decision: Decision) -> str:
    found = decision.target.extrapolation
    outside = (
        "; no run tried the recommended share of " + ", ".join(found.outside_ratios)
        if found.outside_ratios
        else ""
    )
    return (
        f"Extrapolation: N* is {found.N_factor:.3g} times and D* {found.D_factor:.3g} "
        f"times the largest in the table{outside}."
    )


def _constraints(decision: Decision) -> Iterator[str]:
    """What was asked of the mixture, what binds, and which draws failed."""
    limited, doubts = decision.limited, decision.doubts
    limits = "; ".join(_limits(limited.constraints))
    if limits:
        yield f"Constraints: {limits}. " + (
            f"The recommended mixture is at the limit of: {'; '.join(limited.binding)}."
            if limited.binding
            else "None binds: the mixture is the same without them."
        )
    if limited.constraints.get("repeats"):
        yield (
            "A repeated token is worth (1 + R (1 - exp(-(epochs - 1) / R))) / epochs "
            f"of a new one, with {limited.constraints['R']}."
        )
    yield from _risk(limited.constraints, limited.risk_loss)
    if not doubts.is_proved:
        yield (
            "The recommended mixture is not proved optimal: with so many repeated "
            "tokens the losses are not convex there."
        )
    if doubts.unsolved_draws:
        yield (
            f"{doubts.unsolved_draws} of {len(decision.optimal_draws)} draws have no "
            "proved optimum: with repetition their loss rises with more text, or is "
            "not convex. Their optima and regrets are approximate."
        )


def _risk(constraints: Mapping[str, Any], risk_loss: float) -> Iterator[str]:
    risk = constraints.get("risk", "expected")
    if risk == "minimax":
        yield (
            "Risk: the mixture minimises the largest weighted loss of any family "
            f"instead of the weighted mean; its expectation is {risk_loss:.4g}. Losses "
            "and regrets are those of the worst family."
        )
    if risk == "cvar":
        share = constraints.get("worst_share", 0.1)
        yield (
            f"Risk: the mixture minimises the mean loss of the worst {share:.0%} of "
            f"draws, {risk_loss:.4g}."
        )


def _limits(constraints: Mapping[str, Any]) -> Iterator[str]:
    for key, words in (("lower", "at least"), ("upper", "at most")):
        for name, value in constraints.get(key, {}).items():
            yield f"{name} {words} {value:.4g}"
    most = constraints.get("max_epochs")
    if isinstance(most, Mapping):
        for name, value in most.items():
            yield f"{name} at most {value:.4g} epochs"
    elif most is not None:
        yield f"at most {most:.4g} epochs of each family's distinct tokens"
    for line in constraints.get("linear", ()):
        for key, words in (("at_least", "at least"), ("at_most", "at most")):
            if key in line:
                yield f"{line['name']} {words} {line[key]:.4g}"
