"""Options that `bayeslaw next` and `bayeslaw loop` share."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from bayeslaw.cli.option_files import read_weights
from bayeslaw.design import Costs, DesignSettings
from bayeslaw.errors import InputError

if TYPE_CHECKING:
    from bayeslaw.decisions import Constraints
    from bayeslaw.design import NextRuns
    from bayeslaw.inference import Fitted

# Every default stands there; the record needs no numerical library.
DEFAULTS = DesignSettings()

TargetParams = Annotated[
    float | None, typer.Option(help="Parameters N* of the target run.")
]
TargetTokens = Annotated[
    float | None, typer.Option(help="Training tokens D* of the target run.")
]
Budget = Annotated[float | None, typer.Option(help="FLOPs of all runs together.")]
Overhead = Annotated[
    float, typer.Option(min=0, help="FLOPs that every run costs besides 6 N D.")
]
MinParams = Annotated[float, typer.Option(min=0, help="Train no smaller proxies.")]
MinShare = Annotated[
    float, typer.Option(help="Smallest share of any family in a mixture.")
]
Anchor = Annotated[
    float,
    typer.Option(min=0, max=0.99, help="Share of the budget kept for one large run."),
]
Tolerance = Annotated[
    float, typer.Option(min=0, help="Regret (fraction of the loss) treated as zero.")
]
Exchange = Annotated[
    float,
    typer.Option(
        help="FLOPs for proxies that one FLOP of the target run is worth; inf: at any "
        "cost."
    ),
]
StudyArgument = Annotated[Path, typer.Argument(metavar="STUDY", help="study.toml.")]


class Request(NamedTuple):
    """What both verbs choose runs for.

    Attributes:
      N: parameters of the target run.
      D: its training tokens.
      budget: FLOPs of all runs together.
      weights: path of the file of weights, or "uniform"; None for equal.
      normalised: minimise losses relative to p = 1.
      constraints: of the ratios to decide.
      allow_failed_checks: choose although a check failed.
    """

    N: float
    D: float
    budget: float
    weights: str | None
    normalised: bool
    constraints: "Constraints"
    allow_failed_checks: bool


def choose_runs(
    fitted: "Fitted", request: Request, settings: DesignSettings
) -> "NextRuns":
    """Runs for a request."""
    from bayeslaw.design import next_runs

    return next_runs(
        fitted,
        N=request.N,
        D=request.D,
        budget=request.budget,
        weights=read_weights(request.weights, fitted.families),
        normalised=request.normalised,
        constraints=request.constraints,
        settings=settings,
        allow_failed_checks=request.allow_failed_checks,
    )


def required_target(
    params: float | None, tokens: float | None, budget: float | None
) -> tuple[float, float, float]:
    """Target and budget, all of them given."""
    if params is not None and tokens is not None and budget is not None:
        return params, tokens, budget
    given = {"--params": params, "--tokens": tokens, "--budget": budget}
    missing = [name for name, value in given.items() if value is None]
    raise InputError(
        "options are missing",
        "options",
        f"no {', '.join(missing)}",
        "--params and --tokens of the target run, --budget in FLOPs",
        "add them",
    )


def possible_runs(
    study: Path | None,
    overhead: float,
    sizes: str | None = None,
    token_counts: str | None = None,
) -> tuple[dict[str, float] | None, Sequence[float] | None, Costs]:
    """Sizes, token counts and costs to choose from, as `DesignSettings` takes them.

    Args:
      study: study file whose proxies may be trained; None for the lists alone.
      overhead: FLOPs that every run costs besides 6 N D.
      sizes: list of N with commas between; not with a study.
      token_counts: the same of D; those of the study if None.

    Raises:
      InputError: a list holds something else than numbers, or sizes are given twice.
    """
    counts = _number_list(token_counts, "--token-counts")
    named = {f"N{size:.6g}": size for size in _number_list(sizes, "--sizes")} or None
    if study is None:
        return named, counts or None, Costs(overhead)
    if named:
        raise InputError(
            "sizes given twice",
            "options --study and --sizes",
            sizes or "",
            "one of them",
            "name further sizes under [proxies] in the study",
        )
    from bayeslaw.proxy.execution import sizes_of, tokens_of
    from bayeslaw.proxy.study import read_study

    content = read_study(study)
    costs = Costs(overhead, content.training.cooldown_fraction)
    return sizes_of(content), counts or tokens_of(content), costs


def _number_list(text: str | None, option: str) -> list[float]:
    try:
        return [float(word) for word in (text or "").split(",") if word.strip()]
    except ValueError:
        raise InputError(
            "not a list of numbers",
            f"option {option}",
            text or "",
            "numbers with commas between them, such as 1e6,4e6",
            "correct the list",
        ) from None
