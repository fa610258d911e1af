"""Report every problem of a table of scores at once, without loading numpy."""

from pathlib import Path
from typing import Any

from bayeslaw.data.scores.score_reading import read_checked
from bayeslaw.data.scores.score_summary import summarise, summary_text
from bayeslaw.data.scores.score_table import (
    CurveTable,
)


def validate(
    path: str | Path, *, origin: str | None = None, unit: str | None = None
) -> dict[str, Any]:
    """Return the summary of a table, or raise all its problems; imports no numpy.

    Args and Raises: as `read_curves`. `validate_report` prints the result.
    """
    rows = read_checked(path, origin, unit)
    return summarise(rows) | {"sha256": rows.sha256}


def validate_report(table: CurveTable | dict[str, Any]) -> str:
    """Return a table, or its summary, as plain text for the terminal."""
    return summary_text(table.summary() if isinstance(table, CurveTable) else table)
