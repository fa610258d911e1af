"""Read tables from disk: CSV and Parquet files become text cells with row numbers.

Both formats become text here, so that every later check is written once. Floats of a
Parquet file become their shortest exact text, which loses nothing.
"""

import csv
import io
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bayeslaw.data.table.findings import Findings, nearest
from bayeslaw.data.table.schema import quoted
from bayeslaw.data.table.writing import cell_text
from bayeslaw.errors import InputError, require_extra

# First bytes of files that are not tables, and what to do about each.
_FOREIGN = {
    b"PK\x03\x04": ("a spreadsheet or zip file", "save the sheet as CSV in UTF-8"),
    b"\x28\xb5\x2f\xfd": ("a zstd file", "decompress it first (zstd -d)"),
    b"\xff\xfe": ("UTF-16 text", "save the table as CSV in UTF-8"),
    b"\xfe\xff": ("UTF-16 text", "save the table as CSV in UTF-8"),
}


@dataclass(frozen=True)
class Cells:
    """The text cells of a table, column by column.

    Attributes:
      file: name of the file, for messages.
      columns: heading (later: canonical name) -> cells; "" where nothing is given.
      lines: row number of each row, as a text editor counts (the header is line 1).
      headings: canonical name -> heading in the file, where the two differ.
      header: all headings of the file, read or not.
      part: column that tells apart the rows that stem from one line of the file, such
        as the family; empty if each row is a line.
    """

    file: str
    columns: dict[str, list[str]]
    lines: list[int]
    headings: Mapping[str, str] = field(default_factory=dict)
    header: tuple[str, ...] = ()
    part: str = ""

    def where(self, column: str) -> str:
        """Return file and column under the name that the file uses."""
        return f"{self.file}, column `{self.headings.get(column, column)}`"

    def row(self, index: int) -> str:
        """Return a row's number, with its family, say, if one line holds several."""
        if self.part:
            return f"{self.lines[index]} ({self.columns[self.part][index]})"
        return str(self.lines[index])


def read_cells(path: Path, findings: Findings) -> Cells:
    """Return the cells of a CSV (also gzip'd) or Parquet file, known by its content.

    Raises:
      InputError: there is no table in the file at all. Problems of single rows are
        added to `findings` instead.
    """
    content = _unpacked(path, _content(path))
    if content[:4] == b"PAR1":
        return _parquet_cells(path, content)
    if path.suffix.lower() == ".parquet":
        raise InputError(
            "the name says Parquet, but the file is not Parquet",
            str(path),
            f"first bytes {content[:4]!r}",
            "a Parquet file (it begins with PAR1)",
            "write the table again, or rename it if it is CSV",
        )
    return _csv_cells(path, _text(path, content), findings)


def read_header(path: Path) -> tuple[str, ...]:
    """Return the headings of a table without reading its rows.

    Raises:
      InputError: there is no table in the file at all.
    """
    content = _unpacked(path, _content(path))
    if content[:4] == b"PAR1":
        return tuple(_parquet(path, content, lambda pq, f: pq.read_schema(f)).names)
    reader = csv.reader(io.StringIO(_text(path, content), newline=""))
    header = next((row for row in reader if row), [])
    return tuple(heading.strip() for heading in header)


def _content(path: Path) -> bytes:
    wanted = "a CSV or Parquet file with a header and at least one row"
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        siblings = path.parent.iterdir() if path.parent.is_dir() else ()
        near = nearest(path.name, (sibling.name for sibling in siblings))
        fix = f"did you mean `{path.with_name(near)}`?" if near else "check the path"
        raise InputError("no such file", str(path), "nothing", wanted, fix) from None
    except OSError as error:
        got = error.strerror or type(error).__name__
        fix = "check the path and your permission to read it"
        raise InputError("cannot read the table", str(path), got, wanted, fix) from None
    if not content.strip(b"\xef\xbb\xbf \t\r\n"):
        fix = "check that the program that writes it has finished, or give another file"
        raise InputError("the file is empty", str(path), "no text", wanted, fix)
    return content


def _unpacked(path: Path, content: bytes) -> bytes:
    """Return the content of a gzip file, any other content as it is."""
    if not content.startswith(b"\x1f\x8b"):
        return content
    import gzip
    import zlib

    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            "gzip file cannot be unpacked",
            str(path),
            str(error),
            "a complete gzip file that holds a CSV table",
            "compress or copy the table again; the file may be truncated",
        ) from None


def _text(path: Path, content: bytes) -> str:
    wanted = "a CSV file in UTF-8, or a Parquet file"
    for magic, (got, fix) in _FOREIGN.items():
        if content.startswith(magic):
            raise InputError("not a table", str(path), got, wanted, fix)
    line = content[: content.find(b"\0")].count(b"\n") + 1
    if b"\0" in content:
        got, fix = "a zero byte, so a binary file", "give a CSV or Parquet file"
        raise InputError("not a table", f"{path}, row {line}", got, wanted, fix)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(
            "text is not UTF-8",
            f"{path}, row {line}",
            f"byte 0x{content[error.start]:02x}",
            wanted,
            "save the table in UTF-8 (it may be in Latin-1)",
        ) from None


def _csv_cells(path: Path, text: str, findings: Findings) -> Cells:
    header, rows, lines = _split_rows(path, text)
    _check_header(path, header, has_rows=bool(rows))
    blank = [i for i, row in enumerate(rows) if not any(row)]
    if blank:
        findings.note(f"{path.name}: skipped {len(blank)} empty rows")
    ragged = [i for i, row in enumerate(rows) if len(row) != len(header) and any(row)]
    findings.bad_cells(
        "rows have more or fewer cells than the header",
        path.name,
        [(str(lines[i]), f"{len(rows[i])} cells") for i in ragged],
        f"{len(header)} cells",
        "complete the row, and put cells that contain a comma in double quotes",
    )
    left_out = {*blank, *ragged}
    kept = [i for i in range(len(rows)) if i not in left_out]
    columns = {
        name: [rows[i][at] for i in kept] for at, name in enumerate(header) if name
    }
    if not all(header):
        findings.note(f"{path.name}: a column without a name is not read")
    lines = [lines[i] for i in kept]
    return Cells(path.name, columns, lines, header=tuple(header))


def _split_rows(path: Path, text: str) -> tuple[list[str], list[list[str]], list[int]]:
    """Return header, rows and the line on which each row begins."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    begin = 1
    try:
        for row in reader:
            if row:  # an empty line
                rows.append([cell.strip() for cell in row])
                lines.append(begin)
            begin = reader.line_num + 1
    except csv.Error as error:
        raise InputError(
            "row is not valid CSV",
            f"{path}, row {begin}",
            str(error),
            "cells separated by commas; double quotes in pairs",
            'close the quote, or double a quote inside a quoted cell ("")',
        ) from None
    return rows[0], rows[1:], lines[1:]


def _check_header(path: Path, header: list[str], *, has_rows: bool) -> None:
    for mark, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and mark in header[0]:
            raise InputError(
                f"cells are separated by {name}",
                f"{path}, row 1",
                repr(header[0][:60]),
                "cells separated by commas, and a decimal point",
                "save the table again as comma-separated CSV",
            )
    if not has_rows:
        raise InputError(
            "the table has a header but no rows",
            str(path),
            quoted(header),
            "at least one row below the header",
            "check that the program that writes the table has finished",
        )
    double = [name for name, count in Counter(header).items() if count > 1 and name]
    if double:
        raise InputError(
            "two columns have the same name",
            f"{path}, row 1",
            quoted(double),
            "each column once",
            "rename or delete one of them",
        )


def _parquet_cells(path: Path, content: bytes) -> Cells:
    table = _parquet(path, content, lambda pq, file: pq.ParquetFile(file).read())
    header = [name.strip() for name in table.column_names]
    _check_header(path, header, has_rows=table.num_rows > 0)
    columns = {
        name: [_parquet_text(cell) for cell in column.to_pylist()]
        for name, column in zip(header, table.columns, strict=True)
        if name
    }
    lines = list(range(2, table.num_rows + 2))
    return Cells(path.name, columns, lines, header=tuple(header))


def _parquet(path: Path, content: bytes, read: Callable[[Any, io.BytesIO], Any]) -> Any:
    """Return what `read` makes of pyarrow.parquet and a file of this content."""
    require_extra("pyarrow", "parquet", str(path))
    # Not above: pyarrow costs more CPU than reading a whole CSV table does.
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return read(pq, io.BytesIO(content))
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            "Parquet file cannot be read",
            str(path),
            str(error).split("\n")[0],
            "a complete Parquet file",
            "write the table again; the file may be truncated",
        ) from None


def _parquet_text(cell: Any) -> str:
    if isinstance(cell, list):  # pyarrow hands a map over as a list of pairs
        cell = dict(cell)
    if isinstance(cell, Mapping):
        # A struct names the families of all rows; those absent from this one are None.
        cell = {key: entry for key, entry in cell.items() if entry is not None}
    return cell_text(cell).strip()
