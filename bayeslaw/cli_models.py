"""Verbs of the command line about models: their priors, fits, checks, predictions."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bayeslaw.arguments import (
    Chains,
    ComparedTable,
    FigureOutput,
    Iterations,
    Json,
    Largest,
    MaxRefits,
    Mix,
    MixturesOption,
    Normalised,
    NormaliseMixtures,
    OriginOption,
    Params,
    Posterior,
    PosteriorOutput,
    Posteriors,
    Probability,
    Seed,
    Table,
    Tokens,
    UnitOption,
    Weights,
    read_mixtures,
    read_weights,
)
from bayeslaw.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

    from bayeslaw.comparison import Comparison
    from bayeslaw.sensitivity import Sensitivity


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


def fit(
    table: Table,
    model: Annotated[Path, typer.Option(help="Model spec, TOML.")],
    output: PosteriorOutput,
    seed: Seed = 0,
    chains: Annotated[int, typer.Option(min=1)] = 4,
    warmup: Annotated[int, typer.Option(min=50)] = 500,
    draws: Annotated[int, typer.Option(min=50)] = 1000,
    target_accept: Annotated[float, typer.Option(min=0.5, max=0.999)] = 0.9,
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


def compare(
    posteriors: Posteriors,
    table: ComparedTable = None,
    largest: Largest = "N",
    max_refits: MaxRefits = None,
    params: Params = None,
    tokens: Tokens = None,
    weights: Weights = None,
    normalised: Normalised = False,
    probability: Probability = 0.9,
    chains: Chains = 4,
    warmup: Iterations = 400,
    draws: Iterations = 250,
    seed: Seed = 0,
    origin: OriginOption = None,
    unit: UnitOption = None,
    mixtures: MixturesOption = None,
    normalise_mixtures: NormaliseMixtures = False,
    as_json: Json = False,
) -> None:
    """Compare models by the log density of runs they have not seen.

    With --params and --tokens also by the ratios they recommend.
    """
    from bayeslaw.comparison import compare
    from bayeslaw.posterior import load_posterior, provenance
    from bayeslaw.runs import read_runs
    from bayeslaw.sampler import SamplerSettings
    from bayeslaw.terminal import print_json, sampling_progress
    from bayeslaw.terminal_comparison import print_comparison, print_sensitivity

    _require_both(params, tokens)
    trees = [load_posterior(path) for path in posteriors]
    named = dict(zip(_names(posteriors, trees), trees, strict=True))
    rows = read_runs(
        table or Path(provenance(trees[0])["table"]),
        origin=origin,
        unit=unit,
        mixtures=mixtures,
        normalise_mixtures=normalise_mixtures,
    )
    with sampling_progress(quiet=as_json) as report:
        comparison = compare(
            named,
            rows,
            largest=largest,
            max_refits=max_refits,
            settings=SamplerSettings(chains, warmup, draws),
            seed=seed,
            report=report,
        )
    target = (params, tokens, read_weights(weights), normalised, probability)
    decisions = _decisions(named, comparison, *target)
    if as_json:
        extra = {"decisions": decisions.to_dict()} if decisions else {}
        print_json(comparison.to_dict() | extra)
        return
    print_comparison(comparison)
    if decisions:
        print_sensitivity(decisions)


def _decisions(
    named: "dict[str, xr.DataTree]",
    comparison: "Comparison",
    params: float | None,
    tokens: float | None,
    weights: dict[str, float] | None,
    normalised: bool,
    probability: float,
) -> "Sensitivity | None":
    """Ratios each model recommends, judged by the others; None without a target."""
    from bayeslaw.sensitivity import decision_sensitivity

    if params is None or tokens is None:
        return None
    return decision_sensitivity(
        named,
        N=params,
        D=tokens,
        comparison=comparison,
        weights=weights,
        normalised=normalised,
        probability=probability,
    )


def _names(paths: "list[Path]", trees: "list[xr.DataTree]") -> list[str]:
    """Names of the models: of their specs, of their files where these are equal."""
    from bayeslaw.posterior import spec_of

    names = [spec_of(tree).name for tree in trees]
    if len(set(names)) < len(names):
        names = [path.stem for path in paths]
    if len(set(names)) < len(names):
        raise InputError(
            "two posteriors have one name",
            "arguments POSTERIOR",
            ", ".join(map(str, paths)),
            "specs, or else files, of different names",
            "rename a file, and name every posterior once",
        )
    return names


def _require_both(params: float | None, tokens: float | None) -> None:
    if (params is None) != (tokens is None):
        raise InputError(
            "target run is half given",
            "options --params and --tokens",
            "--tokens alone" if params is None else "--params alone",
            "both, or neither",
            "give both to compare decisions, or leave both out",
        )
