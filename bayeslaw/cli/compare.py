"""`bayeslaw compare`: rank models by their predictions of held-out runs."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

from bayeslaw.cli.option_files import (
    read_weights,
)
from bayeslaw.cli.options import (
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
from bayeslaw.cli.terminal import (
    print_json,
    print_lines,
    print_table,
    sampling_progress,
)
from bayeslaw.errors import InputError

if TYPE_CHECKING:
    from bayeslaw.evaluation import Comparison, Score, Sensitivity
    from bayeslaw.inference import Fitted


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
    """Compare models by the log density of held-out runs.

    With --params and --tokens, also compare the ratios they recommend.
    """
    from bayeslaw.data.losses import read_runs
    from bayeslaw.evaluation import compare
    from bayeslaw.inference import Fitted, SamplerSettings, load_posterior

    _require_both(params, tokens)
    fitted = [Fitted.of(load_posterior(path)) for path in posteriors]
    named = dict(zip(_names(posteriors, fitted), fitted, strict=True))
    importance = read_weights(weights, fitted[0].families)
    rows = read_runs(
        table or Path(fitted[0].record["table"]),
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
    if as_json:
        extra = {"decisions": decisions.to_dict()} if decisions else {}
        print_json(comparison.to_dict() | extra)
        return
    print_comparison(comparison)
    if decisions:
        print_sensitivity(decisions)


def _decisions(
    named: "dict[str, Fitted]",
    comparison: "Comparison",
    params: float | None,
    tokens: float | None,
    weights: dict[str, float] | None,
    normalised: bool,
    probability: float,
) -> "Sensitivity | None":
    """Ratios each model recommends, judged by the others; None without a target."""
    from bayeslaw.evaluation import decision_sensitivity

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


def _names(paths: "list[Path]", fitted: "list[Fitted]") -> list[str]:
    """Names of the models: from their specs, or from their files if specs agree."""
    names = [one.spec.name for one in fitted]
    if len(set(names)) < len(names):
        names = [path.stem for path in paths]
    if len(set(names)) < len(names):
        raise InputError(
            "two posteriors have the same name",
            "arguments POSTERIOR",
            ", ".join(map(str, paths)),
            "posteriors whose models, or else files, have different names",
            "rename a file, and give each posterior once",
        )
    return names


def _require_both(params: float | None, tokens: float | None) -> None:
    if (params is None) != (tokens is None):
        raise InputError(
            "only one of --params and --tokens is given",
            "options --params and --tokens",
            "--tokens alone" if params is None else "--params alone",
            "both, or neither",
            "give both to compare decisions, or omit both",
        )


# Names of more models than these do not fit above columns: they are numbered.
MAX_NAMED_COLUMNS = 4


def print_comparison(comparison: "Comparison") -> None:
    """Print both scores of every model, best first, with notes on their limits."""
    rows = f"{comparison.rows} {comparison.origin} rows, {comparison.runs} runs"
    print_table(
        f"Leave one run out: {rows}",
        ["model", "score", "se", "per run", "behind best", "se", "weight", "refits"],
        [
            [
                model.name,
                *_cells(model.one_out),
                f"{model.weight:.2f}",
                str(len(model.refitted)),
            ]
            for model in comparison.models
        ],
    )
    print()
    count = len(comparison.largest_runs)
    n_rows = comparison.models[0].accuracy.rows
    print_table(
        f"All runs of {comparison.largest} held out: {n_rows} rows, {count} runs",
        [
            "model",
            "score",
            "se",
            "per run",
            "behind best",
            "se",
            "RMSE",
            "in 50 %",
            "in 90 %",
        ],
        [
            [
                model.name,
                *_cells(model.largest),
                f"{model.accuracy.rmse:.4f}",
                *(f"{share:.0%}" for share in model.accuracy.coverage.values()),
            ]
            for model in comparison.models
        ],
    )
    print()
    print_lines([*comparison.notes, *EXPLANATION])


EXPLANATION = (
    "Score: log density of held-out runs in nats; higher is better. A difference from "
    "the best of less than two standard errors (se) is inconclusive. Weight: stacking "
    "weight, the share of the model in the mixture of models that predicts best. "
    "Refits: runs for which importance sampling is unreliable, so that the model was "
    "refitted without them.",
    "RMSE: root mean squared error of the log loss of the held-out runs. In 50 %, in "
    "90 %: share of their rows inside the predictive interval.",
)


def _cells(score: "Score") -> list[str]:
    is_best = score.difference == 0
    return [
        f"{score.total:.1f}",
        _number(score.se),
        f"{score.mean:.2f}",
        "best" if is_best else f"{score.difference:.1f}",
        "" if is_best else _number(score.difference_se),
    ]


def _number(value: float) -> str:
    return "unknown" if math.isnan(value) else f"{value:.1f}"


def print_sensitivity(table: "Sensitivity") -> None:
    """Print the ratios each model recommends and their regret under the others."""
    decided = [model for model in table.models if model.ratios]
    families = list(decided[0].ratios)
    objective = "normalised" if table.normalised else "raw"
    print()
    print_table(
        f"Recommended ratios at N = {table.N:.3g}, D = {table.D:.3g}, {objective} loss",
        ["decision by", "weight", *families],
        [
            [
                model.name,
                f"{model.weight:.2f}",
                *(f"{model.ratios[family]:.3f}" for family in families),
            ]
            for model in decided
        ],
    )
    print()
    truths = list(decided[0].regret)
    names = {model.name: model.name for model in decided}
    title = "Expected regret of each decision (% of the loss)"
    heads = [f"if {truth}" for truth in truths]
    if len(truths) > MAX_NAMED_COLUMNS:
        title += " if model 1, 2, ... is true"
        heads = [str(k + 1) for k in range(len(truths))]
        names |= {t: f"{head} {t}" for t, head in zip(truths, heads, strict=True)}
    print_table(
        title,
        ["decision by", *heads],
        [
            [names[model.name], *(f"{100 * model.regret[t]:.2g}" for t in truths)]
            for model in decided
        ],
    )
    print()
    print_lines(
        [
            f"{model.name}: no decision: {model.reason}."
            if model.reason
            else f"{model.name}: FAILED CHECKS: {', '.join(model.failed_checks)}."
            for model in table.models
            if model.reason or model.failed_checks
        ]
    )
