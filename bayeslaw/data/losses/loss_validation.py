"""Report every problem of a table of losses at once, without loading numpy."""

from pathlib import Path
from typing import Any

from bayeslaw.data.losses.loss_reading import Reading, read_checked
from bayeslaw.data.losses.loss_summary import summarise, summary_text
from bayeslaw.data.losses.loss_table import (
    RunTable,
)


def validate(
    path: str | Path,
    *,
    origin: str | None = None,
    unit: str | None = None,
    mixtures: str | Path | None = None,
    normalise_mixtures: bool = False,
) -> dict[str, Any]:
    """Return the summary of a table, or raise all its problems; imports no numpy.

    Args and Raises: as `read_runs`. `validate_report` prints the result.
    """
    rows = read_checked(path, Reading(origin, unit, mixtures, normalise_mixtures))
    return summarise(rows) | {"sha256": rows.sha256}


def validate_report(table: RunTable | dict[str, Any]) -> str:
    """Return a table, or its summary, as plain text for the terminal."""
    return summary_text(table.summary() if isinstance(table, RunTable) else table)
