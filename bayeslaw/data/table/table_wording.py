"""Format the summary of a table as text, for `validate`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def distinct(cells: Iterable[Any]) -> list[Any]:
    """Return the values that are given, each once and sorted."""
    given = {cell for cell in cells if cell != "" and cell == cell}
    whole = (int(c) if isinstance(c, float) and c.is_integer() else c for c in given)
    return sorted(whole)


def extent(cells: Iterable[float]) -> list[float] | None:
    """Return lowest and highest of the numbers that are given, None without any."""
    given = [cell for cell in cells if cell == cell]
    return [min(given), max(given)] if given else None


def extent_text(ends: Sequence[int | float] | None) -> str:
    """Return lowest and highest value as words."""
    if ends is None:
        return "not given"
    low, high = (f"{end:.4g}" for end in ends)
    return low if low == high else f"{low} to {high}"


def span_text(values: Sequence[int | float], noun: str) -> str:
    """Return how many distinct values there are, and between what."""
    if not values:
        return "not given"
    plural = "s" if len(values) > 1 else ""
    return f"{len(values)} {noun}{plural}, {extent_text([values[0], values[-1]])}"


def counts_text(rows: Mapping[str, int]) -> str:
    """Return words with the number of rows that hold each."""
    return ", ".join(f"{word} ({count} rows)" for word, count in rows.items())


def page(
    title: str,
    facts: Mapping[str, str],
    table: Sequence[str],
    notes: Sequence[str],
) -> str:
    """Return a title, facts by name, the lines of a table and notes as plain text."""
    return "\n".join(
        [
            title,
            *(f"  {name:<10} {fact}" for name, fact in facts.items()),
            "",
            *table,
            *(["", "Notes", *(f"  - {note}" for note in notes)] if notes else []),
        ]
    )
