"""`bayeslaw append`: add measured rows to a table."""

from pathlib import Path
from typing import Annotated

import typer

from bayeslaw.cli.options import Json, OriginOption, UnitOption
from bayeslaw.cli.terminal import print_json


def append(
    table: Annotated[
        Path, typer.Argument(metavar="TABLE", help="CSV table to append to.")
    ],
    results: Annotated[
        Path, typer.Argument(metavar="RESULTS", help="Table of measured rows.")
    ],
    origin: OriginOption = None,
    unit: UnitOption = None,
    as_json: Json = False,
) -> None:
    """Append measured rows to a table.

    Appends all rows or none. Skips rows that the table already has.
    """
    from bayeslaw.design import append_results

    added = append_results(table, results, origin=origin, unit=unit)
    if as_json:
        print_json(vars(added))
        return
    print(f"{added.rows} rows appended to {table}; {added.same} were already there")
    if added.left_out:
        print(f"columns that the table lacks, not copied: {', '.join(added.left_out)}")
