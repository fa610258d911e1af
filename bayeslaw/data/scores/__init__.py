"""The table of downstream scores: reading, checking, selecting, writing.

`columns.py` describes the table column by column; `bayeslaw.data.losses` has the table of
losses.
"""

from pathlib import Path
from typing import Any

from bayeslaw.data.scores.curve import Curve
from bayeslaw.data.scores.score_reading import read_checked
from bayeslaw.data.scores.score_summary import summarise, summary_text
from bayeslaw.data.scores.score_table import (
    CurveTable,
    curves_from_rows,
    read_curves,
    write_curves,
)

__all__ = [
    "Curve",
    "CurveTable",
    "curves_from_rows",
    "read_curves",
    "validate",
    "validate_report",
    "write_curves",
]


def validate(
    path: str | Path, *, origin: str | None = None, unit: str | None = None
) -> dict[str, Any]:
    """Returns the summary of a table, or raises all its problems; imports no numpy.

    Args and Raises: as `read_curves`. `validate_report` prints the result.
    """
    rows = read_checked(path, origin, unit)
    return summarise(rows) | {"sha256": rows.sha256}


def validate_report(table: CurveTable | dict[str, Any]) -> str:
    """Returns a table, or its summary, as plain text for the terminal."""
    return summary_text(table.summary() if isinstance(table, CurveTable) else table)
