"""Columns that a table must have, and those that an argument fills in."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bayeslaw.data.table.cells import ORIGINS
from bayeslaw.data.table.files import Cells
from bayeslaw.data.table.findings import Findings, nearest
from bayeslaw.data.table.loss_units import LOSS_UNITS, canonical_unit
from bayeslaw.data.table.schema import Schema, quoted
from bayeslaw.errors import InputError


def filled(
    cells: Cells,
    arguments: Mapping[str, str | None],
    findings: Findings,
    *,
    is_open: Sequence[bool] | None = None,
) -> Cells:
    """Return the cells with the columns that an argument of the caller fills in.

    Args:
      cells: canonical cells.
      arguments: column, origin or unit -> argument, None for none.
      findings: collects contradictions, and notes what was filled.
      is_open: rows that the arguments apply to, all by default. Shape (row,).
    """
    columns = dict(cells.columns)
    for name, word in arguments.items():
        if word is None:
            continue
        _check_argument(name, word)
        texts = columns.get(name, [""] * len(cells.lines))
        speaks = is_open or [True] * len(texts)
        others = [
            (cells.row(i), text)
            for i, text in enumerate(texts)
            if text and speaks[i] and _plain(name, text) != _plain(name, word)
        ]
        findings.bad_cells(
            f"argument `{name}` contradicts the table",
            cells.where(name),
            others,
            f"`{word}` as in the argument, or an empty cell",
            f"omit the argument `{name}` (--{name}), or correct the table",
        )
        empty = [i for i, text in enumerate(texts) if not text and speaks[i]]
        columns[name] = [
            text or (word if speaks[i] else "") for i, text in enumerate(texts)
        ]
        if empty:
            findings.note(
                f"{name} `{word}` filled in by the argument in {len(empty)} rows"
            )
    return replace(cells, columns=columns)


def _check_argument(name: str, word: str) -> None:
    known = ORIGINS if name == "origin" else tuple(LOSS_UNITS)
    is_known = word.lower() in known if name == "origin" else canonical_unit(word)
    if not is_known:
        near = nearest(word, known)
        raise InputError(
            f"unknown {name}",
            f"argument `{name}` (--{name})",
            f"`{word}`",
            f"one of {quoted(known)}",
            f"did you mean `{near}`?" if near else "use one of the words listed",
        )


def _plain(name: str, word: str) -> str:
    return (canonical_unit(word) if name == "unit" else None) or word.lower()


def check_required(
    cells: Cells, schema: Schema, findings: Findings, *, optional: Sequence[str] = ()
) -> list[str]:
    """Find required columns that are missing, and their likely misspellings.

    Args:
      cells: canonical cells.
      schema: the columns of this kind of table.
      findings: collects the missing columns.
      optional: columns that may be missing, unless one looks like a misspelling.

    Returns:
      The optional columns that are missing.
    """
    left_out = []
    for name, column in schema.columns.items():
        if not column.is_required or name in cells.columns:
            continue
        near = _misspelt(name, schema, cells.header)
        if name in optional and not near:
            left_out.append(name)
            continue
        fix = f"add a column `{name}`"
        if near:
            fix = f"did you mean `{name}`? Rename the column `{near}`"
        if column.aliases:
            fix += f" (also accepted: {quoted(column.aliases[:4])})"
        if name in ("origin", "unit"):
            fix += f", or use --{name} (argument `{name}`)"
        findings.problem(
            f"the required column `{name}` is missing",
            f"{cells.file}, row 1",
            f"columns {quoted(cells.header)}",
            f"`{name}`: {column.meaning}",
            fix,
        )
    return left_out


def _misspelt(name: str, schema: Schema, header: Sequence[str]) -> str | None:
    """Return the unread heading that looks like a misspelling of a column's name."""
    known = schema.spellings
    unread = [heading for heading in header if schema.canonical_name(heading) is None]
    near = {heading: nearest(heading, known) for heading in unread}
    matches = [
        h for h, spelling in near.items() if spelling and known[spelling] == name
    ]
    return matches[0] if matches else None
