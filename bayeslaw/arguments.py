"""Arguments the verbs of the command line share, and the small files they name."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from bayeslaw.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bayeslaw.decision import Decision
    from bayeslaw.recipes import Source


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
Normalised = Annotated[
    bool, typer.Option("--normalised", help="Minimise L / L(p = 1), not raw loss.")
]
Probability = Annotated[float, typer.Option(min=0.01, max=0.999)]


def read_weights(
    weights: str | None, families: tuple[str, ...]
) -> dict[str, float] | None:
    """Importance of each family from a file; None stands for equal.

    Args:
      weights: path of a TOML file or of a table of speakers, or the word "uniform".
      families: families of the posterior, to which the speakers are summed.
    """
    if weights is None or weights == "uniform":
        return None
    if Path(weights).suffix.lower() in (".csv", ".gz", ".parquet"):
        from bayeslaw.speakers import read_speakers

        return read_speakers(weights, families)
    return _numbers(_read_toml(Path(weights)), weights)


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


def read_sources(path: Path | None) -> "dict[str, Source] | None":
    """Where the text of each family lies: a path, or a table with it and more."""
    from bayeslaw.recipes import Source

    if path is None:
        return None
    found = {}
    for family, value in _read_toml(path).items():
        entry = {"path": value} if isinstance(value, str) else value
        length = entry.get("tokens_per_example") if isinstance(entry, dict) else None
        if (
            not isinstance(entry, dict)
            or not isinstance(entry.get("path"), str)
            or not set(entry) <= {"path", "tokens_per_example"}
            or not (length is None or type(length) in (int, float))
        ):
            raise InputError(
                "not a path for each family",
                f"{path}, {family}",
                str(value),
                "a path in quotes, or a table with path and tokens_per_example",
                f'write: {family} = "gs://bucket/{family}*"',
            )
        found[family] = Source(entry["path"], length)
    return found


def write_recipe(
    decision: "Decision",
    trainer: str,
    output: Path,
    sources: "Mapping[str, Source] | None",
) -> None:
    """Write the recommended mixture as a trainer reads it."""
    from bayeslaw.recipes import recipe

    content = recipe(decision, trainer, sources)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(content, encoding="utf-8")


def require_recipe(
    trainer: str | None, output: Path | None, sources: Path | None
) -> None:
    """Refuse half of a recipe before the work is done."""
    if trainer is not None and output is not None:
        return
    given = {"--recipe": trainer, "--output": output, "--sources": sources}
    named = [f"{name} {value}" for name, value in given.items() if value is not None]
    if named:
        raise InputError(
            "a recipe is half asked for",
            "options --recipe and --output",
            ", ".join(named),
            "both, or neither",
            "write: --recipe levanter -o mixture.yaml",
        )
