"""The verb of the command line that compares models."""

from pathlib import Path
from typing import TYPE_CHECKING

from bayeslaw.argument_files import (
    read_weights,
)
from bayeslaw.arguments import (
    Chains,
    ComparedTable,
    Iterations,
    Json,
    Largest,
    MaxRefits,
    MixturesOption,
    Normalised,
    NormaliseMixtures,
    OriginOption,
    Params,
    Posteriors,
    Probability,
    Seed,
    Tokens,
    UnitOption,
    Weights,
)
from bayeslaw.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

    from bayeslaw.comparison import Comparison
    from bayeslaw.sensitivity import Sensitivity


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
    from bayeslaw.posterior import families_of, load_posterior, provenance
    from bayeslaw.runs import read_runs
    from bayeslaw.sampler import SamplerSettings
    from bayeslaw.terminal import sampling_progress

    _require_both(params, tokens)
    trees = [load_posterior(path) for path in posteriors]
    named = dict(zip(_names(posteriors, trees), trees, strict=True))
    importance = read_weights(weights, families_of(trees[0]))
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
    target = (params, tokens, importance, normalised, probability)
    _print(comparison, _decisions(named, comparison, *target), as_json=as_json)


def _print(
    comparison: "Comparison", decisions: "Sensitivity | None", *, as_json: bool
) -> None:
    from bayeslaw.terminal import print_json
    from bayeslaw.terminal_comparison import print_comparison, print_sensitivity

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
