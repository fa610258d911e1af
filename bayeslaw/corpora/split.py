"""Divide a corpus into training and held-out documents, without leaks."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from bayeslaw.corpora.leakage import exact_line
from bayeslaw.corpora.source import Document

LineKey = Callable[[str], str]


@dataclass(frozen=True)
class Split:
    """A corpus divided into training and held-out documents, by family."""

    train: Mapping[str, Sequence[Document]]
    held_out: Mapping[str, Sequence[Document]]
    # (family, language) -> training lines dropped, as they stand in held-out text too
    dropped: Mapping[tuple[str, str], int]

    @property
    def dropped_lines(self) -> dict[str, int]:
        """Training lines dropped, by family."""
        return {
            family: sum(n for (name, _), n in self.dropped.items() if name == family)
            for family in self.train
        }


def split_documents(
    documents: Mapping[str, Sequence[Document]],
    *,
    held_out_share: float,
    line_key: LineKey = exact_line,
) -> Split:
    """Divide documents by a hash of their names into training and held-out text.

    Only the name decides, so a document is held out in all its languages or in none.
    Training lines that also occur in held-out text of any family are dropped and
    counted.

    Args:
      documents: family -> documents.
      held_out_share: expected share of the documents held out, in (0, 1).
      line_key: key that is equal for lines with the same text; "" for a line that is
        too short to tell.
    """
    sides: dict[bool, dict[str, list[Document]]] = {True: {}, False: {}}
    for family, members in documents.items():
        for side in sides.values():
            side[family] = []
        for document in members:
            sides[is_held_out(document.name, held_out_share)][family].append(document)
    kept, held_out = sides[False], sides[True]
    leaks = line_keys(chain.from_iterable(held_out.values()), line_key)
    train: dict[str, list[Document]] = {}
    dropped: dict[tuple[str, str], int] = {}
    for family, members in kept.items():
        cleaned = [_without(document, leaks, line_key) for document in members]
        train[family] = [document for document, _ in cleaned if document.text]
        for document, n in cleaned:
            place = (family, document.language)
            dropped[place] = dropped.get(place, 0) + n
    return Split(train, held_out, dropped)


def line_keys(documents: Iterable[Document], line_key: LineKey) -> set[str]:
    """Keys of all lines of some documents that are long enough to have one."""
    lines = (line for document in documents for line in document.text.split("\n"))
    return {key for line in lines if (key := line_key(line))}


def is_held_out(name: str, share: float) -> bool:
    """Whether documents of this name are held out."""
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:4]) < share * 2**32


def _without(
    document: Document, leaks: Collection[str], line_key: LineKey
) -> tuple[Document, int]:
    """Remove leaking lines from a document and count them."""
    lines = document.text.split("\n")
    clean = [line for line in lines if line_key(line) not in leaks]
    if len(clean) == len(lines):
        return document, 0
    return replace(document, text="\n".join(clean)), len(lines) - len(clean)
