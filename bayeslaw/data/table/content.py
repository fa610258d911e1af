"""The content of a table: its hash, its arrays, and how it is written to disk."""

import json
import struct
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayeslaw.data.table.schema import Schema
from bayeslaw.data.table.writing import csv_text, replace_file
from bayeslaw.errors import InputError, require_extra

if TYPE_CHECKING:
    import numpy as np

Columns = Mapping[str, Sequence[Any]]


def content_hash(
    columns: Columns, mixtures: Mapping[str, Mapping[str, float]], schema: Schema
) -> str:
    """Return the hash that identifies a table's content; see RunTable.sha256."""
    digest = sha256()
    for name in sorted(columns):
        if name not in schema or not is_given(columns[name]):
            continue  # so that columns added to the schema later change no hash
        cells = columns[name]
        digest.update(name.encode())
        if schema.is_number(name):
            # One bit pattern for every NaN, and for both zeros.
            plain = [x + 0.0 if x == x else float("nan") for x in cells]
            digest.update(struct.pack(f"<{len(plain)}d", *plain))
        else:
            digest.update(json.dumps(cells).encode())
    digest.update(json.dumps(mixtures, sort_keys=True).encode())
    return digest.hexdigest()


def is_given(cells: Sequence[Any]) -> bool:
    """Return whether a column holds anything."""
    return any(cell not in ("", None) and cell == cell for cell in cells)


def arrays(columns: Columns, schema: Schema) -> "dict[str, np.ndarray]":
    """Return columns as read-only arrays: float64, or objects where they are words."""
    import numpy as np  # see reading.py

    found = {
        name: np.array(cells, np.float64 if schema.is_number(name) else object)
        for name, cells in columns.items()
    }
    for array in found.values():
        array.setflags(write=False)
    return found


def checked_mask(mask: "np.ndarray", rows: int, source: str, why: str) -> "np.ndarray":
    """Return the mask of a selection, or raise an error if it does not fit.

    Args:
      mask: as the user gave it.
      rows: number of rows of the table.
      source: where the table comes from.
      why: the reason of the selection.
    """
    import numpy as np

    mask = np.asarray(mask)
    if mask.shape != (rows,) or mask.dtype != bool:
        raise InputError(
            "the mask does not fit the table",
            f"argument `mask` of select on {source}",
            f"shape {mask.shape}, dtype {mask.dtype}",
            f"booleans of shape ({rows},)",
            "compare a column of this same table, e.g. columns['N'] > 1e6",
        )
    if not mask.any():
        raise InputError(
            "a selection leaves no rows",
            f"argument `mask` of select on {source}",
            f"False for all {rows} rows ({why})",
            "at least one row",
            "relax the condition of the selection",
        )
    return mask


def write_columns(
    columns: Columns, schema: Schema, path: str | Path, function: str
) -> None:
    """Write a table to CSV or Parquet, depending on the extension of its name.

    Args:
      columns: by name; those of the schema that hold nothing are left out.
      schema: the columns of this kind of table.
      path: the file.
      function: who writes, for messages.
    """
    path = Path(path)
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise InputError(
            "unknown table format",
            f"argument `path` of {function}: {path}",
            f"`{path.suffix}`",
            "a name ending in .csv or .parquet",
            "change the extension",
        )
    plain = {
        name: [None if cell != cell else cell for cell in cells]
        for name, cells in columns.items()
        if name not in schema or is_given(cells)
    }
    if path.suffix.lower() == ".parquet":
        require_extra("pyarrow", "parquet", f"argument `path` of {function}: {path}")
        replace_file(path, _parquet_bytes(plain, schema))
        return
    rows = [
        dict(zip(plain, cells, strict=True))
        for cells in zip(*plain.values(), strict=True)
    ]
    replace_file(path, csv_text(list(plain), rows, with_header=True).encode())


def _parquet_bytes(columns: Columns, schema: Schema) -> bytes:
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {n: pa.float64() if schema.is_number(n) else pa.string() for n in columns}
    table = pa.table({n: pa.array(c, kinds[n]) for n, c in columns.items()})
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()
