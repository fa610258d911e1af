"""Problems (raised together) and notes (all kept) found while a table is read."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from bayeslaw.errors import InputError, InputErrors

SHOWN = 10  # rows or values named in one message; the rest are counted


class Findings:
    """Collects the problems and notes of one table while it is read.

    A reader that stopped at the first problem would make its user repair a table one
    cell at a time, so readers add to a Findings and go on with what is still usable.
    """

    def __init__(self, source: str):
        self.source = source
        self.problems: list[InputError] = []
        self.notes: list[str] = []

    def problem(self, what: str, where: str, got: str, wanted: str, fix: str) -> None:
        """Add one problem; `where` begins with the file's name."""
        self.problems.append(InputError(what, where, got, wanted, fix))

    def bad_cells(
        self,
        what: str,
        column: str,
        cells: Sequence[tuple[str, str]],
        wanted: str,
        fix: str,
    ) -> None:
        """Add one problem shared by several cells, given as (row, what it holds).

        Args:
          what: what is wrong with each of them.
          column: file and column, as `Cells.where` writes them.
          cells: row label and offending text of each cell; nothing is added when empty.
          wanted: what would have been accepted.
          fix: what to do.
        """
        if not cells:
            return
        rows = first_ten(row for row, _ in cells)
        where = f"{column}, row{'s' if len(cells) > 1 else ''} {rows}"
        self.problem(what, where, first_ten(text for _, text in cells), wanted, fix)

    def note(self, sentence: str) -> None:
        """Add a sentence that the user should see although nothing is wrong."""
        self.notes.append(sentence)

    def raise_problems(self) -> None:
        """Raise all problems as one error, if there are any."""
        if self.problems:
            raise InputErrors(self.problems, self.source)


def first_ten(items: Iterable[object]) -> str:
    """Return the first ten items and a count of the others."""
    texts = [str(item) for item in items]
    more = len(texts) - SHOWN
    return ", ".join(texts[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that `name` may be a misspelling of, if any."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    # Two letters are near to every other two letters.
    close = get_close_matches(name.lower(), by_lower, 1, 0.7) if len(name) > 2 else []
    return by_lower[close[0]] if close else None
