"""`bayeslaw validate`: report every problem of a table at once."""

from pathlib import Path

from bayeslaw.cli.options import (
    Json,
    MixturesOption,
    NormaliseMixtures,
    OriginOption,
    Table,
    UnitOption,
)
from bayeslaw.cli.terminal import print_json
from bayeslaw.errors import InputError


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
    from bayeslaw.data import losses as runs
    from bayeslaw.data import scores as curves
    from bayeslaw.data.losses import holds_scores

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
            "option does not apply to a table of downstream scores",
            f"option {given[0].split()[0]}",
            " ".join(given),
            "--origin and --unit only: the laws of scores use no ratios, and mixtures "
            "are given in the column `mixture`",
            f"remove {' '.join(given)}",
        )
