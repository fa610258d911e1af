"""Options that `bayeslaw next` and `bayeslaw loop` share."""

from pathlib import Path
from typing import Annotated, Any

import typer

from bayeslaw.errors import InputError

TargetParams = Annotated[
    float | None, typer.Option(help="Parameters N* to decide for.")
]
TargetTokens = Annotated[float | None, typer.Option(help="Tokens D* to decide for.")]
Budget = Annotated[float | None, typer.Option(help="FLOPs of all runs together.")]
Overhead = Annotated[
    float, typer.Option(min=0, help="FLOPs that any run costs beside 6 N D.")
]
MinParams = Annotated[float, typer.Option(min=0, help="No smaller proxies.")]
MinShare = Annotated[float, typer.Option(help="No mixture with less of any family.")]
Anchor = Annotated[
    float,
    typer.Option(min=0, max=0.99, help="Share of the budget for one large run."),
]
Tolerance = Annotated[
    float, typer.Option(min=0, help="Regret, a share of the loss, that is nothing.")
]
Exchange = Annotated[
    float,
    typer.Option(
        help="FLOPs for proxies that one of the target run is worth; inf: any cost."
    ),
]
StudyArgument = Annotated[Path, typer.Argument(metavar="STUDY", help="study.toml.")]


def required_target(
    params: float | None, tokens: float | None, budget: float | None
) -> dict[str, Any]:
    """Target and budget, all of them given."""
    given = {"--params": params, "--tokens": tokens, "--budget": budget}
    if missing := [name for name, value in given.items() if value is None]:
        raise InputError(
            "the choice of runs needs more",
            "options",
            f"no {', '.join(missing)}",
            "--params and --tokens of the run to decide for, --budget in FLOPs",
            "add them",
        )
    return {"N": params, "D": tokens, "budget": budget}
