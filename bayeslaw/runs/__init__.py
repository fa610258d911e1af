"""The observation table: reading, checking, selecting and appending rows."""

from bayeslaw.runs.append import append_rows
from bayeslaw.runs.table import RunTable, read_runs

__all__ = ["RunTable", "append_rows", "read_runs"]
