"""The command line: one verb per step, with files passed between steps.

Heavy libraries are imported inside the verbs, so that `bayeslaw --help` stays quick.
"""

import json
import sys
import traceback
from collections.abc import Callable
from typing import Annotated

import typer

import bayeslaw
from bayeslaw.cli.append import append
from bayeslaw.cli.breaks import breaks
from bayeslaw.cli.calibrate import calibrate
from bayeslaw.cli.check import check
from bayeslaw.cli.compare import compare
from bayeslaw.cli.corpora import corpora
from bayeslaw.cli.demo import demo
from bayeslaw.cli.fit import fit
from bayeslaw.cli.loop import loop
from bayeslaw.cli.models import models
from bayeslaw.cli.next import next_
from bayeslaw.cli.predict import predict
from bayeslaw.cli.priors import priors
from bayeslaw.cli.ratios import ratios
from bayeslaw.cli.report import report
from bayeslaw.cli.simulate import simulate
from bayeslaw.cli.train import train
from bayeslaw.cli.transfer import transfer
from bayeslaw.cli.validate import validate
from bayeslaw.errors import FailedChecksError, InputError, file_error

app = typer.Typer(
    name="bayeslaw",
    help="Bayesian scaling laws for the language mixture of a pretraining corpus.",
    epilog="Exit status: 0 success, 1 invalid input, 2 failed checks.",
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
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Show the version and exit.",
        ),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback when an error occurs.")
    ] = False,
) -> None:
    pass


# In the order of their use, which `--help` keeps.
VERBS: tuple[Callable[..., None], ...] = (
    demo,
    validate,
    models,
    priors,
    fit,
    check,
    compare,
    predict,
    transfer,
    calibrate,
    breaks,
    ratios,
    report,
    next_,
    train,
    append,
    loop,
    simulate,
)
for verb in VERBS:
    app.command(verb.__name__.rstrip("_"))(verb)
app.add_typer(corpora, name="corpora")


def main() -> None:
    """Run the command line and exit with its status."""
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
            f"{error.format_message()}\nRun `{command} --help` to see its usage."
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
