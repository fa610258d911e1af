"""What every text source gives, and the split of its documents into train and held-out.

A source is a function of family names that returns documents by family.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

# A shared line shorter than this many characters is a heading or a button label, which
# two documents have by chance; a longer one is copied text.
LEAK_LENGTH = 40


@dataclass(frozen=True)
class Document:
    """One document of a corpus."""

    language: str  # language code, e.g. "de" or "zh_CN"
    position: (
        int  # place in the language's file, from 0; the same rule in all languages
    )
    text: str  # segments separated by line ends


@dataclass(frozen=True)
class Split:
    """A corpus divided into training and held-out documents, by family."""

    train: Mapping[str, Sequence[Document]]
    held_out: Mapping[str, Sequence[Document]]
    dropped_lines: Mapping[str, int]  # training lines dropped, also in held-out text


def split_documents(
    documents: Mapping[str, Sequence[Document]], *, held_out_share: float
) -> Split:
    """Train and held-out documents, chosen by a hash of the position in the file.

    The position alone decides, so documents that stand at the same place in every
    language (the Universal Declaration comes first in each) go to the same side.
    Training lines of `LEAK_LENGTH` or more characters that also occur in held-out text,
    of whatever family, are dropped and counted.

    Args:
      documents: family -> documents.
      held_out_share: expected share of the documents held out, in (0, 1).
    """
    held_out = {
        family: [d for d in members if _is_held_out(d.position, held_out_share)]
        for family, members in documents.items()
    }
    leaks = {
        line
        for members in held_out.values()
        for document in members
        for line in long_lines(document)
    }
    train, dropped = {}, {}
    for family, members in documents.items():
        kept = [d for d in members if not _is_held_out(d.position, held_out_share)]
        lines = [d.text.split("\n") for d in kept]
        clean = [[line for line in ls if line.strip() not in leaks] for ls in lines]
        dropped[family] = sum(map(len, lines)) - sum(map(len, clean))
        train[family] = [
            replace(document, text="\n".join(ls))
            for document, ls in zip(kept, clean, strict=True)
            if ls
        ]
    return Split(train, held_out, dropped)


def long_lines(document: Document) -> list[str]:
    """Lines of a document long enough to show copying, without outer white space."""
    lines = (line.strip() for line in document.text.split("\n"))
    return [line for line in lines if len(line) >= LEAK_LENGTH]


def _is_held_out(position: int, share: float) -> bool:
    digest = hashlib.sha256(f"document {position}".encode()).digest()
    return int.from_bytes(digest[:4]) < share * 2**32
