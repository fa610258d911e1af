"""`bayeslaw simulate`: a study with a known truth."""

import json
from pathlib import Path
from typing import Annotated

import typer

from bayeslaw.cli.options import Json, Model, Seed
from bayeslaw.cli.terminal import print_json


def simulate(
    model: Model,
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", help="Folder for observations.csv and truth.json."
        ),
    ],
    seed: Seed = 0,
    families: Annotated[
        int, typer.Option(min=1, max=5, help="Number of families.")
    ] = 5,
    mixtures: Annotated[int, typer.Option(min=1, help="Number of mixtures.")] = 8,
    seeds: Annotated[
        int, typer.Option(min=1, help="Seeds of the first mixture at each size.")
    ] = 2,
    as_json: Json = False,
) -> None:
    """Simulate a study with a known truth.

    Writes the table (observations.csv) and the true parameters (truth.json).
    """
    from bayeslaw.data.losses import write_runs
    from bayeslaw.evaluation import FAMILIES, simulate
    from bayeslaw.model import read_spec

    table, truth = simulate(
        read_spec(model),
        seed=seed,
        families=FAMILIES[:families],
        n_mixtures=mixtures,
        n_seeds=seeds,
    )
    output.mkdir(parents=True, exist_ok=True)
    write_runs(table, output / "observations.csv")
    (output / "truth.json").write_text(json.dumps(truth, indent=2) + "\n")
    if as_json:
        print_json({"rows": len(table), "folder": str(output), "truth": truth})
    else:
        print(f"{len(table)} simulated rows: {output / 'observations.csv'}")
