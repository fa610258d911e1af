"""Checks across rows: what must be constant in a run, unique, or deserves a note."""

from collections.abc import Mapping, Sequence
from typing import Any

from bayeslaw.runs.files import Cells
from bayeslaw.runs.findings import Findings, first_ten

Columns = Mapping[str, Sequence[Any]]

# One run is one training, so these cannot change between its rows.
_CONSTANT_IN_A_RUN = (
    *("seed", "N", "proxy", "study", "origin", "tokenizer", "mixture_id"),
)
_KEY = ("run", "N", "D", "schedule", "family", "metric")


def check_runs(cells: Cells, columns: Columns, findings: Findings) -> None:
    """Finds runs whose seed, size, shape, study, origin or tokenizer changes."""
    for name in _CONSTANT_IN_A_RUN:
        first: dict[str, Any] = {}
        changed = []
        for i, (run, value) in enumerate(
            zip(columns["run"], columns[name], strict=True)
        ):
            # NaN, unlike every other value, differs from itself: it is not given.
            if not run or value == "" or value != value:
                continue
            if value != first.setdefault(run, value):
                got = f"run `{run}` {_text(value)} after {_text(first[run])}"
                changed.append((cells.row(i), got))
        findings.bad_cells(
            f"`{name}` changes within a run",
            cells.where(name),
            changed,
            f"one `{name}` for all rows of a run (one training)",
            "give each training its own run name, or correct the cells",
        )


def check_unique(cells: Cells, columns: Columns, findings: Findings) -> None:
    """Finds observations that stand twice in the table."""
    first: dict[tuple[Any, ...], int] = {}
    double = []
    for i, key in enumerate(zip(*(columns[name] for name in _KEY), strict=True)):
        if any(part == "" or part != part for part in key):
            continue  # reported already
        earlier = first.setdefault(key, i)
        if earlier != i:
            names = ", ".join(_text(part) for part in key)
            values = " and ".join(_text(columns["value"][j]) for j in (earlier, i))
            got = f"{names}: {values} (first in row {cells.row(earlier)})"
            double.append((cells.row(i), got))
    findings.bad_cells(
        "duplicate observations",
        cells.file,
        double,
        f"one row for each {', '.join(_KEY)}",
        "delete the repeated rows; name repeated trainings as different runs, and "
        "losses on different held-out sets as different metrics",
    )


def note_oddities(
    cells: Cells,
    columns: Columns,
    mixtures: Mapping[str, Mapping[str, float]],
    findings: Findings,
) -> None:
    """Notes what is allowed but changes what the table can be used for."""
    for name, unit in (("N", "parameters"), ("D", "tokens")):
        largest = max((x for x in columns[name] if x == x), default=0.0)
        if 0 < largest < 1000:
            findings.note(
                f"{cells.where(name)}: the largest value is {largest:g}; if that is in "
                f"millions or billions, give the count of {unit} itself"
            )
    zero = [cells.row(i) for i, ratio in enumerate(columns["p"]) if ratio == 0]
    if zero:
        findings.note(
            f"{cells.where('p')}: ratio 0 in {len(zero)} rows ({first_ten(zero)}); "
            "laws in a family's own ratio cannot use these rows, laws with transfer can"
        )
    seen = set(columns["family"])
    unseen = {f for mixture in mixtures.values() for f in mixture if f not in seen}
    if unseen:
        findings.note(
            f"{cells.file}: the mixtures hold families without any observation: "
            f"{first_ten(sorted(unseen))}"
        )
    _note_tokenizers(cells, columns, findings)


def _note_tokenizers(cells: Cells, columns: Columns, findings: Findings) -> None:
    tokenizers = sorted(set(columns["tokenizer"]) - {""})
    is_per_token = any(unit.endswith("/token") for unit in columns["unit"])
    if len(tokenizers) > 1 and is_per_token:
        findings.note(
            f"{cells.where('unit')}: losses per token of {len(tokenizers)} tokenizers "
            f"({first_ten(tokenizers)}) cannot be compared; bits/byte can"
        )


def _text(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)
