"""`bayeslaw models`: the models shipped with the package."""

import textwrap
from pathlib import Path
from typing import Annotated, Any

import typer

from bayeslaw.cli.options import Json
from bayeslaw.cli.terminal import print_json


def models(
    name: Annotated[
        str | None, typer.Argument(help="The model whose file to print.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the shipped models, or print the file of one.

    To change a model, write its file to your folder: bayeslaw models NAME > mine.toml.
    """
    from bayeslaw.model import model_path, shipped_models

    if name is None:
        records = [model_record(path) for path in shipped_models().values()]
        if as_json:
            print_json({"models": records})
        else:
            print("\n".join(_lines_of(record) for record in records))
        return
    path = model_path(name)
    content = path.read_text(encoding="utf-8")
    if as_json:
        print_json(model_record(path) | {"toml": content})
    else:
        print(content, end="")


def model_record(path: Path) -> dict[str, Any]:
    """Read what a model file says, without the law, whose libraries load slowly."""
    import tomllib

    from bayeslaw.model import model_description

    content = tomllib.loads(path.read_text(encoding="utf-8"))
    switches = content.get("extensions", {})
    return {
        "name": content.get("name", path.stem),
        "law": content["law"],
        "extensions": [part for part, is_on in switches.items() if is_on],
        "pooling": content.get("pooling", {}),
        "description": model_description(path),
        "source": content.get("source", ""),
    }


def _lines_of(record: dict[str, Any]) -> str:
    law = " + ".join([record["law"], *record["extensions"]])
    pooling = ", ".join(
        kind if coordinate == "default" else f"{coordinate} {kind}"
        for coordinate, kind in record["pooling"].items()
    )
    about = textwrap.fill(
        record["description"], 80, initial_indent="  ", subsequent_indent="  "
    )
    return f"{record['name']}: {law}, pooling {pooling}\n{about}"
