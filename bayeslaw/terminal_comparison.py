"""What `bayeslaw compare` prints."""

import math
from typing import TYPE_CHECKING

from bayeslaw.terminal import print_lines, print_table

if TYPE_CHECKING:
    from bayeslaw.comparison import Comparison
    from bayeslaw.scores import Score
    from bayeslaw.sensitivity import Sensitivity

# Names of more models than these do not fit above columns: they are numbered.
MAX_NAMED_COLUMNS = 4


def print_comparison(comparison: "Comparison") -> None:
    """Print both scores of every model, best first, and what limits them."""
    rows = f"{comparison.rows} {comparison.origin} rows, {comparison.runs} runs"
    print_table(
        f"Each run left out in turn: {rows}",
        ["model", "score", "se", "a run", "behind best", "se", "weight", "refits"],
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
        f"All runs of {comparison.largest} left out: {n_rows} rows, {count} runs",
        [
            "model",
            "score",
            "se",
            "a run",
            "behind best",
            "se",
            "RMSE",
            "in 50 %",
            "90 %",
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
    "Score: log density (nats) of runs a model has not seen, higher is better; a "
    "difference below two standard errors says little. Weight: share in the mixture of "
    "models that predicts best. Refits: runs that importance sampling could not leave "
    "out.",
    "RMSE is of the log loss of new runs; the last columns say how many rows lay "
    "inside the 50 % and 90 % intervals.",
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
    """Print the ratios each model recommends, and their regret under the others."""
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
    title = "Expected regret, per cent of the loss, of the decision by ..."
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
            f"{model.name}: no decision, {model.reason}."
            if model.reason
            else f"{model.name}: FAILED CHECKS: {', '.join(model.failed_checks)}."
            for model in table.models
            if model.reason or model.failed_checks
        ]
    )
