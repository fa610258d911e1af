"""`bayeslaw predict`: losses of a run that has not been trained."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from bayeslaw.cli.option_files import read_mixtures
from bayeslaw.cli.options import Json, Mix, Posterior, Seed
from bayeslaw.cli.terminal import print_json, print_lines, print_table

if TYPE_CHECKING:
    from bayeslaw.decisions import Forecast, LossInterval


def predict(
    posterior: Posterior,
    params: Annotated[float, typer.Option(help="Non-embedding parameters N.")],
    tokens: Annotated[float, typer.Option(help="Training tokens D.")],
    mix: Mix = None,
    new_run: Annotated[
        bool,
        typer.Option(
            "--new-run", help="Also predict one new run, with its noise included."
        ),
    ] = False,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Predict the losses of a run, with intervals.

    Without --mix, all families have equal ratios.
    """
    from bayeslaw.decisions import forecast
    from bayeslaw.inference import load_posterior

    forecasts = forecast(
        load_posterior(posterior),
        N=params,
        D=tokens,
        mixtures=read_mixtures(mix),
        new_run=new_run,
        seed=seed,
    )
    if as_json:
        print_json({"forecasts": [one.to_dict() for one in forecasts]})
    else:
        print_forecasts(forecasts)


def print_forecasts(forecasts: Sequence["Forecast"]) -> None:
    """Print the predicted losses of every mixture and how far they extrapolate."""
    for position, one in enumerate(forecasts):
        if position:
            print()
        if one.failed_checks:
            print_lines(
                [
                    "FAILED CHECKS: " + ", ".join(one.failed_checks) + ". Do not rely "
                    "on these predictions; see `bayeslaw check`."
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
                f"Losses in {one.unit}, fitted to {one.origin} rows. The expected loss "
                "is the mean over runs. Assumed: every token is seen once, and the "
                "learning rate is cooled down.",
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
