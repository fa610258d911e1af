"""`bayeslaw append`: measured rows into a table."""

from pathlib import Path
from typing import Annotated

import typer

from bayeslaw.cli.options import (
    Json,
)
from bayeslaw.cli.terminal import print_json


def append(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="CSV to add to.")],
    results: Annotated[
        Path, typer.Argument(metavar="RESULTS", help="Table of measured rows.")
    ],
    as_json: Json = False,
) -> None:
    """Append measured rows to a table.

    All of them or none; rows it has already are left alone.
    """
    from bayeslaw.design import append_results

    added = append_results(table, results)
    if as_json:
        print_json(vars(added))
        return
    print(f"{added.rows} rows appended to {table}, {added.same} were there already")
    if added.left_out:
        print(
            f"left out, as the table has no such columns: {', '.join(added.left_out)}"
        )
