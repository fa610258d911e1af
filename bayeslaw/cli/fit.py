"""`bayeslaw fit`: fit a model to a table and save the posterior."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bayeslaw.cli.options import (
    Json,
    MixturesOption,
    Model,
    NormaliseMixtures,
    OriginOption,
    PosteriorOutput,
    Seed,
    Table,
    UnitOption,
)
from bayeslaw.cli.terminal import (
    print_json,
    print_lines,
    print_table,
    sampling_progress,
)

if TYPE_CHECKING:
    import xarray as xr


def fit(
    table: Table,
    model: Model,
    output: PosteriorOutput,
    seed: Seed = 0,
    chains: Annotated[int, typer.Option(min=1, help="Number of chains.")] = 4,
    warmup: Annotated[
        int, typer.Option(min=50, help="Warm-up iterations per chain.")
    ] = 300,
    draws: Annotated[int, typer.Option(min=50, help="Draws per chain.")] = 1000,
    target_accept: Annotated[
        float, typer.Option(min=0.5, max=0.999, help="Target acceptance probability.")
    ] = 0.95,
    max_tree_depth: Annotated[
        int, typer.Option(min=1, max=15, help="Maximum tree depth during warm-up.")
    ] = 10,
    origin: OriginOption = None,
    unit: UnitOption = None,
    mixtures: MixturesOption = None,
    normalise_mixtures: NormaliseMixtures = False,
    as_json: Json = False,
) -> None:
    """Fit a model to a table of runs and save its posterior draws."""
    from bayeslaw.data.losses import read_runs
    from bayeslaw.inference import SamplerSettings, fit, save_posterior
    from bayeslaw.model import read_spec

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


def print_fit(posterior: "xr.DataTree", path: Path, *, as_json: bool) -> None:
    """Print what was fitted and an interval for every parameter of the law."""
    from bayeslaw.inference import Fitted

    fitted = Fitted.of(posterior)
    draws, record, names = fitted.posterior, fitted.record, fitted.law.parameters
    n_rows = posterior["observed_data"].sizes["observation"]
    diverged = int(posterior["sample_stats"]["diverging"].sum())
    quantiles = draws[list(names)].quantile([0.05, 0.5, 0.95], ("chain", "draw"))
    intervals = {
        str(family): {
            name: dict(
                zip(
                    ("lower", "median", "upper"),
                    quantiles[name].values[:, i].tolist(),
                    strict=True,
                )
            )
            for name in names
        }
        for i, family in enumerate(draws["family"].values)
    }
    if as_json:
        print_json(
            {"posterior": str(path), "rows": n_rows, "divergences": diverged}
            | {name: record[name] for name in ("origin", "unit", "notes")}
            | {"probability": 0.9, "parameters": intervals}
        )
        return
    print_lines(record["notes"])
    print_table(
        f"Median and 90 % interval ({fitted.origin} rows; E, A, B at "
        f"p = 1 in {fitted.unit})",
        ["family", "", *names],
        list(_interval_rows(intervals)),
    )
    print(
        f"{n_rows} rows, {draws.sizes['chain']} chains of {draws.sizes['draw']} draws, "
        f"{diverged} divergent. Saved to {path}"
    )


def _interval_rows(
    intervals: Mapping[str, Mapping[str, Mapping[str, float]]],
) -> Iterator[list[str]]:
    """Three rows per family: an interval in one cell would wrap on 80 columns."""
    for family, parameters in intervals.items():
        for bound in ("lower", "median", "upper"):
            values = [f"{interval[bound]:.3g}" for interval in parameters.values()]
            yield [family if bound == "median" else "", bound, *values]
