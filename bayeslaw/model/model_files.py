"""Models shipped with the package; their names serve wherever a model file does."""

import difflib
from pathlib import Path

from bayeslaw.errors import InputError

# Where a built package holds them; a checkout has them in `models/` beside the package.
PACKAGED = Path(__file__).with_name("shipped")
IN_CHECKOUT = Path(__file__).parents[2] / "models"


def shipped_models() -> dict[str, Path]:
    """Return the file of every shipped model by its name."""
    folder = PACKAGED if PACKAGED.is_dir() else IN_CHECKOUT
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def model_path(model: str | Path) -> Path:
    """Return the file of a model: one that exists, else a shipped model of that name.

    Args:
      model: a path, or a name such as "token_drift".

    Raises:
      InputError: neither such a file nor such a shipped model.
    """
    path, shipped = Path(model), shipped_models()
    if path.exists() and not path.is_dir():
        return path
    if str(model) in shipped:
        return shipped[str(model)]
    near = difflib.get_close_matches(path.stem, shipped, n=1)
    raise InputError(
        "model spec cannot be read",
        str(model),
        f"{'a folder' if path.is_dir() else 'no such file'}, and no shipped model of "
        "this name",
        "a TOML file, or one of " + ", ".join(shipped),
        f"did you mean {near[0]}?" if near else "check the path, or take one of these",
    )


def model_description(path: Path) -> str:
    """Return the comment that opens a model file, "" if there is none."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").strip())
    return " ".join(lines)
