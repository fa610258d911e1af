"""The command line: one verb a step, files in between.

Heavy libraries are imported inside the verbs, so that `bayeslaw --help` stays quick.
"""

import json
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

import bayeslaw
from bayeslaw.arguments import (
    Json,
    MixturesOption,
    NormaliseMixtures,
    OriginOption,
    Seed,
    Table,
    UnitOption,
)
from bayeslaw.cli_comparison import compare
from bayeslaw.cli_corpora import corpora
from bayeslaw.cli_decisions import ratios, report
from bayeslaw.cli_downstream import breaks
from bayeslaw.cli_models import calibrate, check, fit, predict, priors, transfer
from bayeslaw.cli_selection import append, loop, next_
from bayeslaw.cli_training import train
from bayeslaw.errors import FailedChecksError, InputError, file_error

app = typer.Typer(
    name="bayeslaw",
    help="Bayesian scaling laws for the language mixture of a pretraining corpus.",
    epilog="Exit status: 0 done, 1 your error, 2 failed checks.",
    add_completion=False,
    # Plain help: rich would triple what `--help` costs.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(value: bool) -> bool:
    if value:
        print(f"bayeslaw {bayeslaw.__version__}")
        raise typer.Exit
    return value


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True)
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error.")
    ] = False,
) -> None:
    pass


@app.command()
def validate(
    table: Table,
    origin: OriginOption = None,
    unit: UnitOption = None,
    mixtures: MixturesOption = None,
    normalise_mixtures: NormaliseMixtures = False,
    as_json: Json = False,
) -> None:
    """Check a table of losses or downstream scores.

    Reports every problem at once.
    """
    from bayeslaw import curves, runs
    from bayeslaw.runs.kind import holds_scores
    from bayeslaw.terminal import print_json

    if holds_scores(table):
        _refuse_options_of_losses(mixtures, normalise_mixtures)
        summary = curves.validate(table, origin=origin, unit=unit)
        text = curves.validate_report(summary)
    else:
        summary = runs.validate(
            table,
            origin=origin,
            unit=unit,
            mixtures=mixtures,
            normalise_mixtures=normalise_mixtures,
        )
        text = runs.validate_report(summary)
    if as_json:
        print_json(summary)
    else:
        print(text)


def _refuse_options_of_losses(mixtures: Path | None, normalise: bool) -> None:
    given = [f"--mixtures {mixtures}"] if mixtures else []
    given += ["--normalise-mixtures"] if normalise else []
    if given:
        raise InputError(
            "options that a table of downstream scores does not take",
            f"option {given[0].split()[0]}",
            " ".join(given),
            "--origin and --unit only: no law of scores uses ratios, and the mixtures "
            "stand in the column `mixture`",
            "leave the options out",
        )


for verb in (priors, fit, check, compare, predict, transfer, calibrate, breaks):
    app.command()(verb)
app.add_typer(corpora, name="corpora")


app.command()(ratios)
app.command()(report)
app.command("next")(next_)
app.command()(train)
app.command()(append)
app.command()(loop)


@app.command()
def simulate(
    model: Annotated[Path, typer.Option(help="Model spec, TOML.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder for the table and its truth.")
    ],
    seed: Seed = 0,
    families: Annotated[int, typer.Option(min=1, max=5)] = 5,
    mixtures: Annotated[int, typer.Option(min=1)] = 8,
    seeds: Annotated[int, typer.Option(min=1)] = 2,
    as_json: Json = False,
) -> None:
    """Simulate a study with a known truth.

    Writes observations.csv and truth.json.
    """
    from bayeslaw.runs import write_runs
    from bayeslaw.simulation import FAMILIES, simulate
    from bayeslaw.spec import read_spec
    from bayeslaw.terminal import print_json

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


def main() -> None:
    """Run the command line and leave with its exit status."""
    sys.exit(_status())


def _status() -> int:
    """0 done, 1 the user's error, 2 failed checks, 130 interrupted; no traceback."""
    # `--debug` belongs to the program, but people write it at the end of the line.
    words = sorted(sys.argv[1:] or ["--help"], key=lambda word: word != "--debug")
    try:
        return app(words, prog_name="bayeslaw", standalone_mode=False) or 0
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "bayeslaw"
        _print_error(
            f"{error.format_message()}\n`{command} --help` shows what it takes"
        )
        return 1
    except InputError as error:
        _print_error(error)
        return 1
    except OSError as error:
        _print_error(file_error(error))
        return 1
    except FailedChecksError as error:
        _print_error(error)
        return 2


def _print_error(error: Exception | str) -> None:
    if "--debug" in sys.argv:
        traceback.print_exc()
    elif "--json" in sys.argv:
        print(json.dumps({"error": str(error)}))
    else:
        print(f"error: {error}", file=sys.stderr)
