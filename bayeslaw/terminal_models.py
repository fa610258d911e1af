"""What `bayeslaw priors`, `predict`, `transfer` and `calibrate` print."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bayeslaw.terminal import print_lines, print_table

if TYPE_CHECKING:
    from bayeslaw.coverage import Calibration
    from bayeslaw.forecasting import Forecast, LossInterval
    from bayeslaw.independence import Independence
    from bayeslaw.spec import ModelSpec


def prior_rows(spec: "ModelSpec") -> list[dict[str, Any]]:
    """Prior of every coordinate's mean over families, in the paper's parameters."""
    from statistics import NormalDist

    from bayeslaw.spec_priors import natural_names

    by_coordinate = {v: k for k, v in natural_names(spec.law_record).items()}
    found = []
    for name in spec.law_record.coordinates:
        prior = spec.prior_of(name)
        ends = [NormalDist(prior.loc, prior.scale).inv_cdf(q) for q in (0.05, 0.95)]
        values = [ends[0], prior.loc, ends[1]]
        if name in by_coordinate:
            values = [math.exp(value) for value in values]
        found.append(
            {
                "name": by_coordinate.get(name, name),
                "coordinate": name,
                **dict(zip(("q05", "q50", "q95"), values, strict=True)),
                "spread": prior.spread,
                "stated": name in spec.priors,
            }
        )
    return found


def print_priors(spec: "ModelSpec") -> None:
    """Print the priors of a model, and which of them its file states."""
    print_table(
        f"Priors of {spec.name}: mean over families, and spread",
        ["parameter", "5 %", "median", "95 %", "spread", "from"],
        [
            [
                row["name"],
                *(f"{row[q]:.3g}" for q in ("q05", "q50", "q95")),
                f"{row['spread']:.3g}",
                "the model file" if row["stated"] else "the law",
            ]
            for row in prior_rows(spec)
        ],
    )
    noise = spec.noise
    lines = [
        f"sigma, the noise of a row: median {noise.sigma.median:.3g} of the loss "
        f"(sd of its log {noise.sigma.log_scale:.3g})."
    ]
    if noise.run_effect:
        lines.append(
            f"run_sd, the deviation a run's rows share: median "
            f"{noise.run_sd.median:.3g} (sd of its log {noise.run_sd.log_scale:.3g})."
        )
    if noise.likelihood == "student_t":
        lines.append(
            f"nu, the degrees of freedom of the noise: Gamma of shape "
            f"{noise.nu.shape:.3g} and rate {noise.nu.rate:.3g}."
        )
    print()
    print_lines(
        [*lines, "Spread: between families; of the logarithm, for alpha and its like."]
    )


def print_independence(found: "Independence") -> None:
    """Print the evidence on transfer, pair by pair and overall."""
    above = f"P(tau > {found.threshold:g})"
    print_table(
        f"Worth tau of a token of another family ({found.origin} rows)",
        ["family", "source", "median", "90 % interval", above, "prior"],
        [
            [
                one.family,
                one.source,
                f"{one.median:.2g}",
                f"{one.lower:.2g} - {one.upper:.2g}",
                f"{one.p_above:.2f}",
                f"{one.prior_p_above:.2f}",
            ]
            for one in found.pairs
        ],
    )
    print()
    print_lines(
        [
            f"P(independent: no tau above {found.threshold:g}) = "
            f"{found.p_independent:.2f}; the prior says "
            f"{found.prior_p_independent:.2f}. Where both agree, the data have not "
            "spoken."
        ]
    )


def print_forecasts(forecasts: Sequence["Forecast"]) -> None:
    """Print the predicted losses of every mixture and how far they reach."""
    for position, one in enumerate(forecasts):
        if position:
            print()
        if one.failed_checks:
            print_lines(
                [
                    "FAILED CHECKS: " + ", ".join(one.failed_checks) + ". The "
                    "posterior is not to be trusted, nor are these predictions."
                ]
            )
        mixture = f", mixture {one.mixture}" if one.mixture else ""
        where = f"at N = {one.N:.3g}, D = {one.D:.3g}{mixture}"
        _print_losses(f"Expected loss {where}", one, one.expected)
        if one.new_run:
            print()
            _print_losses(f"Loss of a new run {where}", one, one.new_run)
        print()
        print_lines(
            [
                f"Extrapolation: {one.extrapolation.label}.",
                f"Losses in {one.unit}, from {one.origin} rows. Expected is the mean "
                "over runs; tokens count as seen once, the run as cooled.",
            ]
        )


def _print_losses(
    title: str, one: "Forecast", losses: "dict[str, LossInterval]"
) -> None:
    ratio = ["p"] if one.ratios else []
    print_table(
        title,
        ["family", *ratio, "median", "50 % interval", "90 % interval"],
        [
            [
                family,
                *([f"{one.ratios.get(family, 0.0):.3f}"] if ratio else []),
                *_interval(loss),
            ]
            for family, loss in losses.items()
        ],
    )


def _interval(loss: "LossInterval") -> list[str]:
    return [
        f"{loss.median:.3f}",
        f"{loss.lower_50:.3f} - {loss.upper_50:.3f}",
        f"{loss.lower_90:.3f} - {loss.upper_90:.3f}",
    ]


# So much too narrow a posterior should not pass.
NARROWED = 0.3


def print_calibration(found: "Calibration", models: str) -> None:
    """Print how often intervals held the truth, what is wrong, what would show."""
    n_studies, coverage = len(found.diverging), found.coverage()
    print_table(
        f"Truths inside intervals: {n_studies} simulated studies, {models}",
        ["quantity", "50 %", "90 %", "se", "shifted, p", "width, p"],
        [
            [
                one.quantity,
                f"{one.within_50:.1%}",
                f"{one.within_90:.1%}",
                f"{one.se_90:.1%}",
                f"{one.p_location:.2g}",
                f"{one.p_width:.2g}",
            ]
            for one in coverage
        ],
    )
    narrow = [
        fault
        for fault in found.spoilt(narrowed=NARROWED).faults
        if fault.endswith("too narrow")
    ]
    print()
    print_lines(
        [
            *(f"FAULT: {fault}." for fault in found.faults),
            *([] if found.faults else ["No fault found."]),
            f"So many studies would show posteriors {NARROWED:.0%} narrower than "
            f"these in {len(narrow)} of {len(coverage)} quantities.",
            f"{int((found.diverging > 0).sum())} studies had divergent iterations.",
        ]
    )
