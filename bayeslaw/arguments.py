"""Arguments the verbs of the command line share, and the small files they name."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from bayeslaw.errors import InputError

if TYPE_CHECKING:
    from bayeslaw.constraints import Constraints


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
    Path | None, typer.Option(help="TOML: family = importance; equal if not given.")
]
Mix = Annotated[
    Path | None,
    typer.Option(help="TOML: family = ratio, or one table of these a mixture."),
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


def read_weights(path: Path | None) -> dict[str, float] | None:
    """Importance of each family from a TOML file; None stands for equal."""
    return None if path is None else _numbers(_read_toml(path), str(path))


def read_mixtures(path: Path | None) -> dict[str, dict[str, float]]:
    """Mixtures of a file: one, named after the file, or one a table."""
    if path is None:
        return {}
    content = _read_toml(path)
    if any(isinstance(value, dict) for value in content.values()):
        return {
            name: _numbers(ratios, f"{path}, [{name}]")
            for name, ratios in content.items()
        }
    return {path.stem: _numbers(content, str(path))}


def read_constraints(
    path: Path | None,
    max_epochs: float | None,
    repeats: bool,
    risk: str | None,
    worst_share: float | None,
) -> "Constraints":
    """Constraints of a file, and options in the place of what it says."""
    from bayeslaw.constraints import parse_constraints

    content = {} if path is None else _read_toml(path)
    options = {
        "max_epochs": max_epochs,
        "repeats": repeats or None,
        "risk": risk,
        "worst_share": worst_share,
    }
    given = {name: value for name, value in options.items() if value is not None}
    return parse_constraints(content | given, str(path or "options"))


def _read_toml(path: Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            "file cannot be read as TOML",
            str(path),
            str(error),
            "lines such as: germanic = 0.3",
            "check the path and the line named",
        ) from None


def _numbers(content: Any, where: str) -> dict[str, float]:
    # A bool is an int to Python, but no number to who wrote the file.
    if not isinstance(content, dict) or not all(
        type(value) in (int, float) for value in content.values()
    ):
        raise InputError(
            "not a number for each family",
            where,
            str(content),
            "lines such as: germanic = 0.3",
            "give a number for each family",
        )
    return content
