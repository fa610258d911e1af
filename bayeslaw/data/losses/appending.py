"""Append rows to the table of losses, all of them or none."""

import csv
import io
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bayeslaw.data.losses.loss_columns import RUNS
from bayeslaw.data.table import cell_text, csv_text, locked, quoted, write_whole
from bayeslaw.errors import InputError


def append_rows(path: str | Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append rows to a CSV table, all of them or none, even if the process is killed.

    The file is created with its header if it does not exist. Columns that a row omits
    are written empty. Several processes may append to one table at the same time.

    Args:
      path: the CSV file.
      rows: one dictionary per row, column name -> value. Numbers are written so that
        they read back bit-identical; None means "not given"; a dictionary (the
        `mixture` column) is written as JSON.

    Raises:
      InputError: a row has a column that the file's header lacks, or a number that is
        not finite, or the table is not a CSV file. The file is then unchanged.

    Example:
      >>> append_rows("observations.csv", [
      ...     {"run": "r1", "N": 4096, "D": 1e6, "family": "romance", "value": 2.31}])
    """
    target = Path(os.path.realpath(path))  # a link stays a link to the renewed file
    if target.suffix.lower() in (".parquet", ".gz"):
        raise InputError(
            "rows can only be appended to a CSV table",
            f"{path}",
            f"a name ending in {target.suffix}",
            "a file name ending in .csv",
            "save the table as plain CSV, and append to that file",
        )
    if not rows:
        return
    with locked(target):
        old = target.read_bytes() if target.exists() else b""
        write_whole(target, old + _new_text(old, rows, str(path)))


def _new_text(old: bytes, rows: Sequence[Mapping[str, Any]], source: str) -> bytes:
    header, newline = _header(old, source)
    given = list(dict.fromkeys(name for row in rows for name in row))
    extra = [name for name in given if name not in header]
    if header and extra:
        raise InputError(
            "rows have columns that the table lacks",
            f"{source}, header",
            f"new columns {quoted(extra)}; the table has {quoted(header)}",
            "rows whose columns are all in the table's header",
            "add the columns to the header and to the old rows, or start a new table",
        )
    _refuse_non_finite(rows, source)
    is_new = not header
    # Canonical columns first and in their usual order, whatever the dictionary order.
    header = header or sorted(given, key=lambda name: _position(name, given))
    text = csv_text(header, rows, with_header=is_new, newline=newline)
    has_open_line = bool(old.strip()) and not old.endswith((b"\n", b"\r"))
    return ((newline if has_open_line else "") + text).encode()


def _position(name: str, given: list[str]) -> tuple[int, int]:
    order = list(RUNS.columns)
    rank = order.index(name) if name in order else len(order)
    return rank, given.index(name)


def _header(old: bytes, source: str) -> tuple[list[str], str]:
    """Return the column names of an existing table ([] when empty) and its newline."""
    try:
        text = old.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            "the table is not UTF-8 text",
            f"{source}, byte {error.start}",
            f"byte 0x{old[error.start]:02x}",
            "a CSV file in UTF-8",
            "save the table as CSV in UTF-8, or append to a new file",
        ) from None
    if not text.strip():
        return [], "\n"
    header = next(csv.reader(io.StringIO(text, newline="")))
    newline = "\r\n" if "\r\n" in text else "\n"
    return [name.strip() for name in header], newline


def _refuse_non_finite(rows: Sequence[Mapping[str, Any]], source: str) -> None:
    for number, row in enumerate(rows, start=1):
        for name, value in row.items():
            text = cell_text(value) if not isinstance(value, str | Mapping) else ""
            if text in ("nan", "inf", "-inf") and not math.isfinite(float(text)):
                raise InputError(
                    "a number to be appended is not finite",
                    f"{source}, column {name}, new row {number}",
                    text,
                    "a finite number, or None if unknown",
                    "leave diverged runs out of the table",
                )
