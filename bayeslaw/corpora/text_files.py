"""Documents of one file: text with blank lines between, JSON lines, or Parquet."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bayeslaw.corpora.source import Document, position_name
from bayeslaw.errors import InputError, InputErrors, require_extra

# Problems of one file that are shown; a number stands for the others.
SHOWN = 10


def read_documents(path: Path, language: str, *, prefix: str = "") -> list[Document]:
    """Read the documents of a file, in its order.

    A document is named by its `id`, or else by its position in the file, so the n-th
    documents of the files of all languages go to the same side of the split.

    Args:
      path: .txt, .jsonl or .parquet; the first two also gzip'd.
      language: code of the language.
      prefix: put before the names, where a language has several files.

    Raises:
      InputError: the file has another format, or rows without text; lists all bad rows.
    """
    kind = path.name.removesuffix(".gz").rpartition(".")[2]
    if kind not in READERS or (kind == "parquet" and path.suffix == ".gz"):
        raise InputError(
            "unknown file format",
            str(path),
            path.name,
            "names that end in .txt, .jsonl (both also .gz) or .parquet",
            "convert the file, or move it out of the folder",
        )
    documents, problems = [], []
    for position, (row, cells) in enumerate(READERS[kind](path)):
        if problem := row_problem(cells):
            problems.append((row, problem))
            continue
        name = str(cells.get("id") or position_name(position))
        documents.append(Document(language, prefix + name, cells["text"]))
    if problems:
        raise _row_errors(path, problems)
    if not documents:
        raise InputError(
            "the file has no documents",
            str(path),
            "no text",
            "at least one document",
            "add text, or move the file out of the folder",
        )
    return documents


def row_problem(cells: Any) -> str:
    """Describe what is wrong with a row that should have text; "" if nothing is."""
    if not isinstance(cells, dict):
        return f"{str(cells)[:60]!r}, not an object"
    if "text" not in cells:
        return f"fields {', '.join(map(str, cells)) or 'none'}; no `text`"
    if not isinstance(cells["text"], str):
        return f"a `text` of type {type(cells['text']).__name__}"
    if not cells["text"].strip():
        return "an empty `text`"
    if not isinstance(cells.get("id"), str | int | None):
        return f"an `id` of type {type(cells['id']).__name__}"
    try:
        cells["text"].encode()
    except UnicodeEncodeError as error:
        return f"an unpaired surrogate (U+{ord(cells['text'][error.start]):04X})"
    return ""


def _row_errors(path: Path, problems: list[tuple[int, str]]) -> InputErrors:
    errors = [
        InputError(
            "row without usable text",
            f"{path}, row {row}",
            problem,
            "an object or row with a field `text`, and optionally `id`",
            "correct the row, or remove it from a copy of the file",
        )
        for row, problem in problems[:SHOWN]
    ]
    more = len(problems) - SHOWN
    source = f"{path} (and {more} more rows like these)" if more > 0 else str(path)
    return InputErrors(errors, source)


def _read_text(path: Path) -> str:
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        return content.decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        got = f"byte 0x{content[error.start]:02X} in row {line}"
        raise _unreadable(path, got) from error
    except (OSError, EOFError) as error:
        raise _unreadable(path, str(error)) from error


def _unreadable(path: Path, got: str) -> InputError:
    return InputError(
        "text cannot be read",
        str(path),
        got,
        "UTF-8 text that you may read",
        "convert the file to UTF-8, or restore it",
    )


def _read_blocks(path: Path) -> Iterator[tuple[int, Any]]:
    """Blocks separated by blank lines, with the number of their first line."""
    block: list[str] = []
    for number, line in enumerate(f"{_read_text(path)}\n".split("\n"), 1):
        line = line.removesuffix("\r")
        if line.strip():
            block.append(line)
        elif block:
            yield number - len(block), {"text": "\n".join(block)}
            block = []


def _read_json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(_read_text(path).split("\n"), 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except ValueError as error:
                yield number, f"{line[:40]} ({error})"


def _read_parquet(path: Path) -> Iterator[tuple[int, Any]]:
    require_extra("pyarrow", "parquet", str(path))
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise _unreadable(path, str(error)) from error
    columns = [name for name in ("id", "text") if name in table.column_names]
    if "text" not in columns:
        raise InputError(
            "the Parquet file has no column `text`",
            f"{path}, columns",
            ", ".join(table.column_names),
            "a column `text`, and optionally `id`",
            "rename the column that contains the text to `text`",
        )
    yield from enumerate(table.select(columns).to_pylist(), 1)


READERS = {"txt": _read_blocks, "jsonl": _read_json_lines, "parquet": _read_parquet}
