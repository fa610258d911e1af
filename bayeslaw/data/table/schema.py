"""The columns of a kind of table, with their ranges and other accepted names."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """The numbers that a column may hold."""

    is_allowed: Callable[[float], bool]
    wanted: str  # in words
    fix: str  # what to do about the others


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    name: str
    meaning: str
    is_number: bool = False
    is_required: bool = False
    # Other names under which the column is read, in lower case.
    aliases: tuple[str, ...] = ()
    allowed: Range | None = None
    # What to do about an empty cell where one is required.
    fix_empty: str = ""


@dataclass(frozen=True)
class Schema:
    """The columns of one kind of table, by name and by every accepted spelling.

    Attributes:
      columns: canonical name -> column, in the order of writing and checking.
      spellings: every spelling of a name, in lower case -> canonical name.
    """

    columns: Mapping[str, Column]
    spellings: Mapping[str, str]

    @classmethod
    def of(cls, *columns: Column) -> "Schema":
        """Return the schema of these columns."""
        return cls(
            {column.name: column for column in columns},
            {
                spelling: column.name
                for column in columns
                for spelling in (column.name.lower(), *column.aliases)
            },
        )

    def __contains__(self, name: str) -> bool:
        return name in self.columns

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]

    def is_number(self, name: str) -> bool:
        """Return whether a column holds numbers; the user's own columns hold words."""
        return name in self.columns and self.columns[name].is_number

    def canonical_name(self, heading: str) -> str | None:
        """Return the canonical name of a column as headed in a file, None if none."""
        return self.spellings.get(plain_name(heading))


def text_column(
    name: str,
    meaning: str,
    *aliases: str,
    required: bool = False,
    fix_empty: str = "fill the cells",
) -> Column:
    """Return a column of words."""
    return Column(name, meaning, False, required, aliases, None, fix_empty)


def number_column(
    name: str,
    meaning: str,
    *aliases: str,
    required: bool = False,
    allowed: Range | None = None,
    fix_empty: str = "fill the cell, or delete the row if the run has no result",
) -> Column:
    """Return a column of numbers."""
    return Column(name, meaning, True, required, aliases, allowed, fix_empty)


def plain_name(heading: str) -> str:
    """Return a heading in lower case, with underscores for blanks and hyphens."""
    return heading.strip().lower().replace(" ", "_").replace("-", "_")


def quoted(names: Iterable[str]) -> str:
    """Return names in backquotes, separated by commas."""
    return ", ".join(f"`{name}`" for name in names)
