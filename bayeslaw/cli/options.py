"""Arguments and options that several verbs share."""

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
            "a folder" if path.is_dir() else f"no write permission below {folder}",
            "a file name in a folder that you may write to",
            "choose another file name",
        )
    return path


def _check_optional(path: Path | None) -> Path | None:
    return None if path is None else _check_output(path)


def _check_figure(path: Path | None) -> Path | None:
    if path is None:
        return None
    if path.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise InputError(
            "unknown figure format",
            f"option --output, {path}",
            path.suffix or "a name without an extension",
            "a name that ends in .png, .svg or .pdf",
            "change the extension",
        )
    return _check_output(path)


Origin = Literal["measured", "published", "simulated"]
Table = Annotated[Path, typer.Argument(metavar="TABLE", help="CSV or Parquet table.")]
Posterior = Annotated[
    Path,
    typer.Argument(metavar="POSTERIOR", help="Posterior saved by `bayeslaw fit`."),
]
Model = Annotated[
    Path,
    typer.Option(
        metavar="NAME|FILE", help="A shipped model (`bayeslaw models`), or a TOML file."
    ),
]
PosteriorOutput = Annotated[
    Path,
    typer.Option(
        "-o", "--output", help="netCDF file to write.", callback=_check_output
    ),
]
RecordOutput = Annotated[
    Path,
    typer.Option("-o", "--output", help="JSON file to write.", callback=_check_output),
]
ReportOutput = Annotated[
    Path,
    typer.Option("-o", "--output", help="HTML file to write.", callback=_check_output),
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
        "-o",
        "--output",
        help="Figure to write (.png, .svg or .pdf).",
        callback=_check_figure,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Seed = Annotated[int, typer.Option(help="Random seed.")]
OriginOption = Annotated[
    Origin | None, typer.Option(help="Origin of the rows, if the table lacks it.")
]
UnitOption = Annotated[
    str | None, typer.Option(help="Unit of the values, if the table lacks it.")
]
MixturesOption = Annotated[
    Path | None,
    typer.Option(help="File with the runs' mixtures, if the table lacks them."),
]
NormaliseMixtures = Annotated[
    bool,
    typer.Option(
        "--normalise-mixtures", help="Divide the rounded ratios of a run by their sum."
    ),
]
AllowFailed = Annotated[
    bool, typer.Option("--allow-failed-checks", help="Decide even if a check failed.")
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
        help="TOML file (family = importance) or CSV file (family, speakers). "
        "Default: uniform.",
    ),
]
Mix = Annotated[
    Path | None,
    typer.Option(help="TOML file (family = ratio), or one such table per mixture."),
]
Trainer = Annotated[
    Literal["levanter", "maxtext", "olmix"] | None,
    typer.Option("--recipe", help="Also write the mixture in this trainer's format."),
]
RecipeOutput = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", help="Recipe file to write.", callback=_check_optional
    ),
]
Sources = Annotated[
    Path | None,
    typer.Option(help="TOML file (family = path of its text) for the recipe."),
]
Pairs = Annotated[
    bool, typer.Option("--pairs", help="Print P(A better than B) for every two.")
]
Posteriors = Annotated[
    list[Path],
    typer.Argument(metavar="POSTERIOR", help="Posteriors saved by `bayeslaw fit`."),
]
ComparedTable = Annotated[
    Path | None,
    typer.Option(help="Table the models were fitted to. Default: as they recorded it."),
]
Largest = Annotated[
    Literal["N", "compute"], typer.Option(help="Measure of the size of a run.")
]
MaxRefits = Annotated[
    int | None,
    typer.Option(min=0, help="Maximum refits per model, worst runs first."),
]
Chains = Annotated[int, typer.Option(min=1, help="Chains of each refit.")]
Iterations = Annotated[
    int, typer.Option(min=50, help="Iterations per chain of each refit.")
]
ConstraintsFile = Annotated[
    Path | None,
    typer.Option(
        "--constraints",
        help="TOML file with bounds, epoch caps, linear limits and risk.",
    ),
]
MaxEpochs = Annotated[
    float | None, typer.Option(help="Maximum epochs of each family's distinct tokens.")
]
Repeats = Annotated[
    bool, typer.Option("--repeat", help="Count repeated tokens at their lower worth.")
]
RiskOption = Annotated[
    Literal["expected", "minimax", "cvar"] | None,
    typer.Option(
        "--risk",
        help="Minimise the mean loss, the worst family's, or the mean of the worst "
        "draws. Default: expected.",
    ),
]
WorstShare = Annotated[
    float | None,
    typer.Option(help="Share of worst draws for --risk cvar. Default: 0.1."),
]
Normalised = Annotated[
    bool, typer.Option("--normalised", help="Minimise L / L(p = 1), not the raw loss.")
]
Probability = Annotated[
    float, typer.Option(min=0.01, max=0.999, help="Probability of the intervals.")
]
