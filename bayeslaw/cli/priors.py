"""`bayeslaw priors`: what a model assumes before it sees any losses."""

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from bayeslaw.cli.options import (
    FigureOutput,
    Json,
    MixturesOption,
    Model,
    NormaliseMixtures,
    OriginOption,
    Seed,
    Table,
    UnitOption,
)
from bayeslaw.cli.terminal import print_checks, print_json, print_lines, print_table

if TYPE_CHECKING:
    from bayeslaw.model import ModelSpec


def priors(
    table: Table,
    model: Model,
    output: FigureOutput = None,
    against: Annotated[
        Literal["N", "D"], typer.Option(help="Horizontal axis of the figure.")
    ] = "N",
    seed: Seed = 0,
    origin: OriginOption = None,
    unit: UnitOption = None,
    mixtures: MixturesOption = None,
    normalise_mixtures: NormaliseMixtures = False,
    as_json: Json = False,
) -> None:
    """Show a model's priors and check them against a table.

    Run it before fitting. Exit status 2 if the priors exclude the observed losses.
    """
    from bayeslaw.checks import prior_checks, prior_predictive
    from bayeslaw.data.losses import read_runs
    from bayeslaw.model import read_spec

    spec = read_spec(model)
    rows = read_runs(
        table,
        origin=origin,
        unit=unit,
        mixtures=mixtures,
        normalise_mixtures=normalise_mixtures,
    )
    predictive = prior_predictive(rows, spec, seed=seed)
    checks = prior_checks(predictive)
    if output is not None:
        from bayeslaw.plots import prior_predictive_bands, save_figure

        save_figure(prior_predictive_bands(predictive, against=against), output)
    if as_json:
        figure = {} if output is None else {"figure": str(output)}
        print_json({"priors": prior_rows(spec)} | checks.to_dict() | figure)
    else:
        print_lines(spec.notes)
        print_priors(spec)
        print()
        print_checks(checks)
        if output is not None:
            print(f"figure: {output}")
    if not checks.is_passed:
        raise typer.Exit(2)


def prior_rows(spec: "ModelSpec") -> list[dict[str, Any]]:
    """List the prior of each parameter's mean over families, in the papers' symbols."""
    from statistics import NormalDist

    from bayeslaw.model import natural_names

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
    """Print the priors of a model and whether the model file or the law sets them."""
    print_table(
        f"Priors of {spec.name}: mean over families, and spread",
        ["parameter", "5 %", "median", "95 %", "spread", "set by"],
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
        f"sigma, relative noise sd of a row: prior median {noise.sigma.median:.3g} of "
        f"the loss (sd of log sigma: {noise.sigma.log_scale:.3g})."
    ]
    if noise.run_effect:
        lines.append(
            f"run_sd, relative sd of the deviation that all rows of a run share: prior "
            f"median {noise.run_sd.median:.3g} of the loss (sd of log run_sd: "
            f"{noise.run_sd.log_scale:.3g})."
        )
    if noise.likelihood == "student_t":
        lines.append(
            f"nu, degrees of freedom of the noise: Gamma prior with shape "
            f"{noise.nu.shape:.3g} and rate {noise.nu.rate:.3g}."
        )
    print()
    print_lines(
        [
            *lines,
            "Spread: twice the prior median of the sd between families; of the "
            "logarithm for positive parameters such as alpha.",
        ]
    )
