"""The result of every source of text: documents by family, pairs, and their origin.

A source is a function of its options that returns a `SourceText`.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from bayeslaw.corpora.leakage import masked_line
from bayeslaw.corpora.pairs import PairSets


@dataclass(frozen=True)
class Document:
    """One document of a corpus."""

    language: str  # language code, e.g. "de" or "zh_CN"
    name: str  # the same in every language that has the document
    text: str  # segments separated by line ends


@dataclass(frozen=True)
class SourceOptions:
    """Options of a source."""

    held_out_share: float  # expected share of the documents held out
    cache: Path  # where fetched and half-done work is kept
    families: tuple[str, ...] | None = None  # in the order wanted; None for its own
    languages: tuple[str, ...] | None = None  # None for all
    by: Literal["family", "language"] = "family"  # what a mixture is made of
    genre: Literal["all", "help"] = "all"  # help: pages of one kind in all languages
    mapping: Path | None = None  # file that names the parts of a data set
    max_bytes: int | None = None  # text read of each family, at most
    workers: int | None = None  # processes; one a core if None


@dataclass(frozen=True)
class SourceText:
    """The text of a source, before it is divided and tokenised."""

    documents: Mapping[str, Sequence[Document]]  # family -> in stream order
    origin: tuple[Mapping[str, str], ...]  # what was read: names, versions, sha256
    licences: str  # note for people who want to pass the text on
    pairs: Mapping[str, PairSets] = field(default_factory=dict)  # language -> pairs
    tested_pairs: int | None = None  # pairs in dev and in test, at most; None for all
    # What two lines must share to count as the same; "" for lines that never do.
    line_key: Callable[[str], str] = masked_line


def by_language(text: SourceText) -> SourceText:
    """Treat every language as a family of its own, in the order of families."""
    languages: dict[str, list[Document]] = {}
    for documents in text.documents.values():
        found = sorted({document.language for document in documents})
        languages |= {code: [] for code in found}
        for document in documents:
            languages[document.language].append(document)
    return replace(text, documents=languages)


def interleave(languages: Sequence[Sequence[Document]]) -> list[Document]:
    """Interleave the documents of a family's languages in one stream.

    They are ordered by the share of their language already read, so that any stretch of
    the stream has all languages.

    Args:
      languages: documents of each language, none of them empty.
    """
    placed = []
    for documents in languages:
        ends = list(itertools.accumulate(len(document.text) for document in documents))
        placed += [
            ((end - len(document.text) / 2) / ends[-1], document)
            for end, document in zip(ends, documents, strict=True)
        ]
    order = sorted(placed, key=lambda item: (item[0], item[1].language))
    return [document for _, document in order]


def position_name(position: int) -> str:
    """Name a document by its position in the file, counted from 0."""
    return f"document {position}"
