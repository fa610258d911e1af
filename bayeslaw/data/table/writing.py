"""Crash-safe writing: a table on disk is always the old one or the new one.

Every change writes a whole new file beside the table, flushes it to disk and renames
it over the old one, under a lock that other writers of the same table wait for. A
plain append would be cheaper, but a process killed halfway through it leaves half a
row, and a reader can see that half row even without a crash.
"""

import csv
import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bayeslaw.errors import InputError


def replace_file(path: str | Path, content: bytes) -> None:
    """Write a file so that a reader sees either the old content or the new one."""
    target = Path(os.path.realpath(path))
    with locked(target):
        write_whole(target, content)


def csv_text(
    header: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    *,
    with_header: bool,
    newline: str = "\n",
) -> str:
    """Return rows as CSV text; columns absent from a row are left empty."""
    lines: list[str] = []
    # Cells with a line end are quoted only if the writer's own line end has it, so
    # the writer gets both and the file's newline is put in place of them afterwards.
    writer = csv.writer(SimpleNamespace(write=lines.append), lineterminator="\r\n")
    if with_header:
        writer.writerow(header)
    writer.writerows([cell_text(row.get(name)) for name in header] for row in rows)
    return "".join(line[:-2] + newline for line in lines)


def cell_text(value: Any) -> str:
    """Return the text of one cell; floats by `repr`, so they read back exactly."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return json.dumps(dict(value), ensure_ascii=False)
    if hasattr(value, "item"):  # numpy and jax scalars, whose own repr names the type
        value = value.item()
    return repr(value) if isinstance(value, float) else str(value)


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """Hold the writers' lock of a table; other writers wait.

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


def write_whole(target: Path, content: bytes) -> None:
    """Write a file beside the old one and renames it; the lock is held already."""
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
