"""Verbs of the command line about models: their priors, fits, checks, predictions."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from bayeslaw.argument_files import (
    read_mixtures,
)
from bayeslaw.arguments import (
    FigureOutput,
    Json,
    Mix,
    MixturesOption,
    NormaliseMixtures,
    OriginOption,
    Posterior,
    PosteriorOutput,
    RecordOutput,
    Seed,
    Table,
    UnitOption,
)


def priors(
    table: Table,
    model: Annotated[Path, typer.Option(help="Model spec, TOML.")],
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

    Before fitting. Exit status 2 if the priors exclude the losses.
    """
    from bayeslaw.prior_predictive import prior_checks, prior_predictive
    from bayeslaw.runs import read_runs
    from bayeslaw.spec import read_spec
    from bayeslaw.terminal import print_checks, print_json
    from bayeslaw.terminal_models import print_priors, prior_rows

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
        print_priors(spec)
        print()
        print_checks(checks)
        if output is not None:
            print(f"figure: {output}")
    if not checks.is_passed:
        raise typer.Exit(2)


def predict(
    posterior: Posterior,
    params: Annotated[float, typer.Option(help="Non-embedding parameters N.")],
    tokens: Annotated[float, typer.Option(help="Training tokens D.")],
    mix: Mix = None,
    new_run: Annotated[
        bool, typer.Option("--new-run", help="Also the loss of one run of its own.")
    ] = False,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Predict the losses of a run, with intervals.

    Equal ratios where no mixture is given.
    """
    from bayeslaw.forecasting import forecast
    from bayeslaw.posterior import load_posterior
    from bayeslaw.terminal import print_json
    from bayeslaw.terminal_models import print_forecasts

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


def transfer(
    posterior: Posterior,
    threshold: Annotated[
        float, typer.Option(min=0.0, help="Worth of a token that counts as transfer.")
    ] = 0.02,
    as_json: Json = False,
) -> None:
    """Say whether text of one family lowers the losses of others.

    Of a posterior fitted with transfer, with the prior's answers beside.
    """
    from bayeslaw.independence import independence
    from bayeslaw.posterior import load_posterior
    from bayeslaw.terminal import print_json
    from bayeslaw.terminal_models import print_independence

    found = independence(load_posterior(posterior), threshold)
    if as_json:
        print_json(found.to_dict())
    else:
        print_independence(found)


def fit(
    table: Table,
    model: Annotated[Path, typer.Option(help="Model spec, TOML.")],
    output: PosteriorOutput,
    seed: Seed = 0,
    chains: Annotated[int, typer.Option(min=1)] = 4,
    warmup: Annotated[int, typer.Option(min=50)] = 300,
    draws: Annotated[int, typer.Option(min=50)] = 1000,
    target_accept: Annotated[float, typer.Option(min=0.5, max=0.999)] = 0.95,
    max_tree_depth: Annotated[int, typer.Option(min=1, max=15)] = 10,
    origin: OriginOption = None,
    unit: UnitOption = None,
    mixtures: MixturesOption = None,
    normalise_mixtures: NormaliseMixtures = False,
    as_json: Json = False,
) -> None:
    """Draw from the posterior of a model given a table of runs."""
    from bayeslaw.fitting import fit
    from bayeslaw.posterior import save_posterior
    from bayeslaw.runs import read_runs
    from bayeslaw.sampler import SamplerSettings
    from bayeslaw.spec import read_spec
    from bayeslaw.terminal import print_fit, sampling_progress

    rows = read_runs(
        table,
        origin=origin,
        unit=unit,
        mixtures=mixtures,
        normalise_mixtures=normalise_mixtures,
    )
    settings = SamplerSettings(chains, warmup, draws, target_accept, max_tree_depth)
    with sampling_progress(quiet=as_json) as report:
        posterior = fit(
            rows, read_spec(model), seed=seed, settings=settings, report=report
        )
    save_posterior(posterior, output)
    print_fit(posterior, output, as_json=as_json)


def check(posterior: Posterior, as_json: Json = False) -> None:
    """Check convergence, fit and design of a posterior.

    Exit status 2 if a check failed.
    """
    from bayeslaw.diagnostics import check
    from bayeslaw.posterior import load_posterior
    from bayeslaw.terminal import print_checks, print_json

    checks = check(load_posterior(posterior))
    if as_json:
        print_json(checks.to_dict())
    else:
        print_checks(checks)
    if not checks.is_passed:
        raise typer.Exit(2)


def calibrate(
    model: Annotated[Path, typer.Option(help="Model spec to fit, TOML.")],
    output: RecordOutput,
    truth: Annotated[
        Path | None, typer.Option(help="Model spec to simulate from; --model's own.")
    ] = None,
    studies: Annotated[int, typer.Option(min=2, help="Simulated studies.")] = 200,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Try a model's intervals on simulated studies of known truth.

    About 5 s a study. Exit status 2 if they hold it too rarely, or too often.
    """
    from bayeslaw.calibration import calibrate
    from bayeslaw.spec import read_spec
    from bayeslaw.terminal import print_json, study_progress
    from bayeslaw.terminal_models import print_calibration

    spec = read_spec(model)
    source = read_spec(truth) if truth else spec
    with study_progress(quiet=as_json) as report:
        found = calibrate(
            spec, n_studies=studies, seed=seed, truth=source, report=report
        )
    record = {"model": spec.name, "truth": source.name, "seed": seed, **found.to_dict()}
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    if as_json:
        print_json(record)
    else:
        models = f"{spec.name}, truths of {source.name}" if truth else spec.name
        print_calibration(found, models)
        print(f"record: {output}")
    if found.faults:
        raise typer.Exit(2)
