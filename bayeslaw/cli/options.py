"""Arguments the verbs of the command line share, and the small files they name."""

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from bayeslaw.errors import InputError


def _check_output(path: Path) -> Path:
    """Refuse a path that cannot be written before the work is done, not after."""
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    is_folder_writable = folder.is_dir() and os.access(folder, os.W_OK)
    if path.is_dir() or not is_folder_writable:
        raise InputError(
            "output cannot be written",
            f"option --output, {path}",
            "a folder" if path.is_dir() else f"no way to write below {folder}",
            "a file in a folder that this user may write to",
            "name another file",
        )
    return path


def _check_optional(path: Path | None) -> Path | None:
    return None if path is None else _check_output(path)


def _check_figure(path: Path | None) -> Path | None:
    if path is None:
        return None
    if path.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise InputError(
            "figure of an unknown kind",
            f"option --output, {path}",
            path.suffix or "a name without an ending",
            "a name that ends in .png, .svg or .pdf",
            "name another file",
        )
    return _check_output(path)


Origin = Literal["measured", "published", "simulated"]
Table = Annotated[Path, typer.Argument(metavar="TABLE", help="CSV or Parquet table.")]
Posterior = Annotated[
    Path, typer.Argument(metavar="POSTERIOR", help="Result of `bayeslaw fit`.")
]
Model = Annotated[Path, typer.Option(help="Model spec, TOML.")]
PosteriorOutput = Annotated[
    Path,
    typer.Option("-o", "--output", help="netCDF to write.", callback=_check_output),
]
RecordOutput = Annotated[
    Path,
    typer.Option("-o", "--output", help="JSON to write.", callback=_check_output),
]
ReportOutput = Annotated[
    Path,
    typer.Option("-o", "--output", help="HTML to write.", callback=_check_output),
]
OptionalReportOutput = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", help="HTML report to write.", callback=_check_optional
    ),
]
FigureOutput = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", help="PNG, SVG or PDF to write.", callback=_check_figure
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Seed = Annotated[int, typer.Option(help="Seed of all randomness.")]
OriginOption = Annotated[
    Origin | None, typer.Option(help="Origin of all rows, where the table names none.")
]
UnitOption = Annotated[
    str | None, typer.Option(help="Unit of the values, where the table names none.")
]
MixturesOption = Annotated[
    Path | None,
    typer.Option(help="File of the runs' mixtures, where the table holds none."),
]
NormaliseMixtures = Annotated[
    bool,
    typer.Option(
        "--normalise-mixtures", help="Divide rounded ratios of a run by their sum."
    ),
]
AllowFailed = Annotated[
    bool, typer.Option("--allow-failed-checks", help="Decide although a check failed.")
]
Params = Annotated[
    float | None, typer.Option(help="Non-embedding parameters N of the target run.")
]
Tokens = Annotated[
    float | None, typer.Option(help="Training tokens D of the target run.")
]
Weights = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|uniform",
        help="TOML: family = importance; or CSV: family, speakers. Uniform by default.",
    ),
]
Mix = Annotated[
    Path | None,
    typer.Option(help="TOML: family = ratio, or one table of these a mixture."),
]
Trainer = Annotated[
    Literal["levanter", "maxtext", "olmix"] | None,
    typer.Option("--recipe", help="Also write the mixture as this trainer reads it."),
]
RecipeOutput = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", help="File of the recipe.", callback=_check_optional
    ),
]
Sources = Annotated[
    Path | None,
    typer.Option(help="TOML: family = path of its text, for the recipe."),
]
Pairs = Annotated[
    bool, typer.Option("--pairs", help="Print P(A better than B) of every two.")
]
Posteriors = Annotated[
    list[Path], typer.Argument(metavar="POSTERIOR", help="Results of `bayeslaw fit`.")
]
ComparedTable = Annotated[
    Path | None,
    typer.Option(help="Table they were fitted to; the one they name by default."),
]
Largest = Annotated[
    Literal["N", "compute"], typer.Option(help="What makes runs the largest.")
]
MaxRefits = Annotated[
    int | None,
    typer.Option(min=0, help="Runs refitted for each model at most, worst first."),
]
Chains = Annotated[int, typer.Option(min=1, help="Of each refit.")]
Iterations = Annotated[int, typer.Option(min=50, help="Of each refit.")]
ConstraintsFile = Annotated[
    Path | None,
    typer.Option(
        "--constraints", help="TOML: bounds, epoch caps, linear limits, risk."
    ),
]
MaxEpochs = Annotated[
    float | None, typer.Option(help="Cap on epochs of each family's distinct tokens.")
]
Repeats = Annotated[
    bool, typer.Option("--repeat", help="Count repeated tokens at their worth.")
]
RiskOption = Annotated[
    Literal["expected", "minimax", "cvar"] | None,
    typer.Option(
        "--risk", help="Mean loss, worst family, or worst draws; mean if not given."
    ),
]
WorstShare = Annotated[
    float | None, typer.Option(help="Share of draws that --risk cvar looks at; 0.1.")
]
Normalised = Annotated[
    bool, typer.Option("--normalised", help="Minimise L / L(p = 1), not raw loss.")
]
Probability = Annotated[float, typer.Option(min=0.01, max=0.999)]
