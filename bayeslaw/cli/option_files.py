"""The small files that command-line options name."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayeslaw.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bayeslaw.decisions import Constraints, Decision, Source


def read_weights(
    weights: str | None, families: tuple[str, ...]
) -> dict[str, float] | None:
    """Read the importance of each family from a file; None means equal.

    Args:
      weights: path of a TOML file or of a table of speakers, or the word "uniform".
      families: families of the posterior; speakers are summed by family.
    """
    if weights is None or weights == "uniform":
        return None
    if Path(weights).suffix.lower() in (".csv", ".gz", ".parquet"):
        from bayeslaw.data import read_speakers

        return read_speakers(weights, families)
    return _number_by_family(_read_toml(Path(weights)), weights)


def read_mixtures(path: Path | None) -> dict[str, dict[str, float]]:
    """Read the mixtures of a file: one named after the file, or one per table."""
    if path is None:
        return {}
    content = _read_toml(path)
    if any(isinstance(value, dict) for value in content.values()):
        return {
            name: _number_by_family(ratios, f"{path}, [{name}]")
            for name, ratios in content.items()
        }
    return {path.stem: _number_by_family(content, str(path))}


def read_constraints(
    path: Path | None,
    max_epochs: float | None = None,
    repeats: bool = False,
    risk: str | None = None,
    worst_share: float | None = None,
) -> "Constraints":
    """Read the constraints of a file; options override it."""
    from bayeslaw.decisions import parse_constraints

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
            "a TOML file with lines such as: germanic = 0.3",
            "check the path, and correct the line named above",
        ) from None


def _number_by_family(content: Any, where: str) -> dict[str, float]:
    # A bool is an int to Python, but no number to who wrote the file.
    if not isinstance(content, dict) or not all(
        type(value) in (int, float) for value in content.values()
    ):
        raise InputError(
            "a value is not a number",
            where,
            str(content),
            "one number per family, in lines such as: germanic = 0.3",
            "give a plain number for each family",
        )
    return content


def read_sources(path: Path | None) -> "dict[str, Source] | None":
    """Read where the text of each family is: a path, or a table with more detail."""
    from bayeslaw.decisions import Source

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
                "source of a family is not a path",
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
    """Write the recommended mixture in a trainer's format."""
    from bayeslaw.decisions import recipe

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
            "a recipe needs both --recipe and --output",
            "options --recipe and --output",
            ", ".join(named),
            "both, or neither",
            "add the missing option, for example: --recipe levanter -o mixture.yaml",
        )
