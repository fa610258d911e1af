"""Crash-safe writing: a table on disk is always the old one or the new one.

Every change writes a whole new file beside the table, flushes it to disk and renames
it over the old one, under a lock that other writers of the same table wait for. A
plain append would be cheaper, but a process killed halfway through it leaves half a
row, and a reader can see that half row even without a crash.
"""

import csv
import fcntl
import io
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bayeslaw.data.losses.loss_columns import RUNS
from bayeslaw.data.table import quoted
from bayeslaw.errors import InputError


def append_rows(path: str | Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Appends rows to a CSV table, all of them or none, safely against kill -9.

    The file is created, with its header, when absent. Columns that a row leaves out
    are written empty. Several processes may append to one table at the same time.

    Args:
      path: the CSV file.
      rows: one dictionary per row, column name -> value. Numbers are written so that
        they read back bit-identical; None means "not given"; a dictionary (the
        `mixture` column) is written as JSON.

    Raises:
      InputError: a row has a column that the file's header lacks, or a number that is
        not finite, or the table is not a CSV file. The file is then left as it was.

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
            "append to a plain CSV table; bayeslaw reads the other formats too",
        )
    if not rows:
        return
    with _locked(target):
        old = target.read_bytes() if target.exists() else b""
        _replace(target, old + _new_text(old, rows, str(path)))


def replace_file(path: str | Path, content: bytes) -> None:
    """Writes a file so that a reader sees either the old content or the new one."""
    target = Path(os.path.realpath(path))
    with _locked(target):
        _replace(target, content)


def csv_text(
    header: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    *,
    with_header: bool,
    newline: str = "\n",
) -> str:
    """Returns rows as CSV text; columns absent from a row are left empty."""
    lines: list[str] = []
    # Cells with a line end are quoted only if the writer's own line end has it, so
    # the writer gets both and the file's newline is put in place of them afterwards.
    writer = csv.writer(SimpleNamespace(write=lines.append), lineterminator="\r\n")
    if with_header:
        writer.writerow(header)
    writer.writerows([cell_text(row.get(name)) for name in header] for row in rows)
    return "".join(line[:-2] + newline for line in lines)


def cell_text(value: Any) -> str:
    """Returns the text of one cell; floats by `repr`, so they read back exactly."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return json.dumps(dict(value), ensure_ascii=False)
    if hasattr(value, "item"):  # numpy and jax scalars, whose own repr names the type
        value = value.item()
    return repr(value) if isinstance(value, float) else str(value)


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
            "start a new table, or add the columns to the header and to its old rows",
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
    """Returns the column names of an existing table ([] when empty) and its newline."""
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
                    "a finite number, or None where nothing is known",
                    "do not record a diverged run as an observation",
                )


@contextmanager
def _locked(target: Path) -> Iterator[None]:
    """Holds the writers' lock of a table; other writers wait.

    The lock is a file of its own because the table itself is replaced by each write,
    and a lock held on a replaced file protects nothing. It is never removed: on
    network file systems removing it would race with a writer about to take it.
    """
    if not target.parent.is_dir():
        raise InputError(
            "no such directory",
            str(target),
            "nothing",
            "a path in an existing directory",
            f"create it: mkdir -p {target.parent}",
        )
    lock = target.with_name(f".{target.name}.lock")
    with lock.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _replace(target: Path, content: bytes) -> None:
    # One fixed name is enough under the lock, and a killed writer's leftover is
    # overwritten by the next instead of piling up.
    fresh = target.with_name(f".{target.name}.tmp")
    with fresh.open("wb") as handle:
        handle.write(content)
        if target.exists():
            os.fchmod(handle.fileno(), target.stat().st_mode & 0o7777)
        handle.flush()
        os.fsync(handle.fileno())
    fresh.replace(target)
    directory = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(directory)  # or the rename itself may be lost in a power failure
    finally:
        os.close(directory)
