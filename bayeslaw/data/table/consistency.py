"""Checks across rows: what must be constant in a run or unique, and notes."""

from collections.abc import Mapping, Sequence
from typing import Any

from bayeslaw.data.table.cells import is_not_given
from bayeslaw.data.table.files import Cells
from bayeslaw.data.table.findings import Findings, first_ten
from bayeslaw.data.table.schema import Column

Columns = Mapping[str, Sequence[Any]]

# One run is one training, so these cannot change between its rows.
CONSTANT_IN_A_RUN = ("seed", "N", "proxy", "study", "origin", "tokenizer")


def check_runs(
    cells: Cells,
    columns: Columns,
    findings: Findings,
    names: Sequence[str] = CONSTANT_IN_A_RUN,
) -> None:
    """Find runs whose seed, size, shape, study, origin or tokenizer changes."""
    check_constant(
        cells,
        columns,
        names,
        findings,
        noun="run",
        groups=[run and f"`{run}`" for run in columns["run"]],
        scope="rows of a run (one training)",
        fix="give each training its own run name, or correct the cells",
    )


def check_constant(
    cells: Cells,
    columns: Columns,
    names: Sequence[str],
    findings: Findings,
    *,
    noun: str,
    groups: Sequence[str],
    scope: str,
    fix: str,
) -> None:
    """Find groups of rows within which a column changes.

    Args:
      cells: canonical cells.
      columns: the checked columns.
      names: those that may not change.
      findings: collects the changes.
      noun: what a group is called.
      groups: each row's group, "" for none. Shape (row,).
      scope: the rows within which the column must be constant.
      fix: what to do.
    """
    for name in names:
        first: dict[str, Any] = {}
        changed = []
        for i, (group, value) in enumerate(zip(groups, columns[name], strict=True)):
            # NaN, unlike every other value, differs from itself: it is not given.
            if not group or value == "" or value != value:
                continue
            if value != first.setdefault(group, value):
                got = f"{noun} {group} {_text(value)} after {_text(first[group])}"
                changed.append((cells.row(i), got))
        findings.bad_cells(
            f"`{name}` changes within a {noun}",
            cells.where(name),
            changed,
            f"one `{name}` for all {scope}",
            fix,
        )


def check_unique(
    cells: Cells,
    columns: Columns,
    key: Sequence[Column],
    fix: str,
    findings: Findings,
) -> None:
    """Find observations that appear twice in the table.

    Args:
      cells: canonical cells.
      columns: the checked columns.
      key: columns that identify an observation. An optional number that is not given
        is treated like any other value.
      fix: what to do.
      findings: collects the repeated rows.
    """
    first: dict[tuple[Any, ...], int] = {}
    double = []
    parts = [_key_part(cells, column, columns[column.name]) for column in key]
    for i, row in enumerate(zip(*parts, strict=True)):
        if any(part == "" or part != part for part in row):
            continue  # reported already
        earlier = first.setdefault(row, i)
        if earlier != i:
            names = ", ".join(_text(part) for part in row if part is not None)
            values = " and ".join(_text(columns["value"][j]) for j in (earlier, i))
            got = f"{names}: {values} (first in row {cells.row(earlier)})"
            double.append((cells.row(i), got))
    findings.bad_cells(
        "duplicate observations",
        cells.file,
        double,
        f"one row for each {', '.join(column.name for column in key)}",
        fix,
    )


def _key_part(cells: Cells, column: Column, values: Sequence[Any]) -> Sequence[Any]:
    """Return a column with None where an optional number is not given."""
    if column.is_required or not column.is_number:
        return values
    texts = cells.columns.get(column.name)
    return [
        None if value != value and (texts is None or is_not_given(texts[i])) else value
        for i, value in enumerate(values)
    ]


def note_oddities(
    cells: Cells,
    columns: Columns,
    mixtures: Mapping[str, Mapping[str, float]],
    findings: Findings,
) -> None:
    """Note what is allowed but limits the use of the table."""
    note_small_counts(cells, columns, {"N": "parameters", "D": "tokens"}, findings)
    zero = [cells.row(i) for i, ratio in enumerate(columns["p"]) if ratio == 0]
    if zero:
        findings.note(
            f"{cells.where('p')}: ratio 0 in {len(zero)} rows ({first_ten(zero)}); "
            "only laws with transfer can use these rows"
        )
    seen = set(columns["family"])
    unseen = {f for mixture in mixtures.values() for f in mixture if f not in seen}
    if unseen:
        findings.note(
            f"{cells.file}: the mixtures contain families without observations: "
            f"{first_ten(sorted(unseen))}"
        )
    note_tokenizers(cells, columns, findings)


def note_small_counts(
    cells: Cells, columns: Columns, units: Mapping[str, str], findings: Findings
) -> None:
    """Note columns of counts, name -> what is counted, that may be in millions."""
    for name, unit in units.items():
        largest = max((x for x in columns[name] if x == x), default=0.0)
        if 0 < largest < 1000:
            findings.note(
                f"{cells.where(name)}: the largest value is {largest:g}; if it is in "
                f"millions or billions, give the full count of {unit}"
            )


def note_tokenizers(cells: Cells, columns: Columns, findings: Findings) -> None:
    """Note losses per token of several tokenizers."""
    tokenizers = sorted(set(columns["tokenizer"]) - {""})
    is_per_token = any(unit.endswith("/token") for unit in columns["unit"])
    if len(tokenizers) > 1 and is_per_token:
        findings.note(
            f"{cells.where('unit')}: losses per token of {len(tokenizers)} tokenizers "
            f"({first_ten(tokenizers)}) are not comparable; use bits/byte"
        )


def _text(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)
