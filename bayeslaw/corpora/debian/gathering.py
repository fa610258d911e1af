"""All text of one language: filtered, without repetitions, with its English pairs.

gathered/<language>-<digest>.json   documents and pairs, kept in the cache
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from bayeslaw.corpora.debian.extraction import Extraction
from bayeslaw.corpora.debian.filters import (
    is_pair,
    is_text,
    is_untranslated,
    sentence_pairs,
)
from bayeslaw.corpora.debian.languages import language_table
from bayeslaw.corpora.debian.segment import Segment
from bayeslaw.corpora.leakage import masked_shape

# Raised by one when the same segments give other documents or pairs.
VERSION = 3
# Messages are held out one by one, not by program: a group of them is a document, and a
# message is in the same group in every program and language.
MESSAGE_GROUPS = 1000
MESSAGE_READERS = ("catalogues", "wiki_messages")


class FoundPair(NamedTuple):
    """A sentence pair before its document is assigned to training or held-out text."""

    document: str  # name of the document
    english: str
    other: str
    source: str  # name of the kind of text
    is_whole: bool  # not one sentence of a longer segment


@dataclass(frozen=True)
class Gathered:
    """The documents and sentence pairs of a language."""

    documents: list[tuple[str, str]]  # name and text
    pairs: list[FoundPair]


@dataclass(frozen=True)
class Gathering:
    """The gathering of one language."""

    language: str
    extractions: tuple[Extraction, ...]  # running text first
    cache: Path

    @classmethod
    def of(
        cls, language: str, extractions: Iterable[Extraction], cache: Path
    ) -> "Gathering":
        """The gathering of a language from the extractions that contain it."""
        chosen = [job for job in extractions if job.may_have({language, "en"})]
        return cls(language, tuple(chosen), cache)

    @property
    def path(self) -> Path:
        """The cache file of the result."""
        parts = [f"{job.text} {job.folder.name}" for job in self.extractions]
        digest = hashlib.sha256("\n".join([str(VERSION), *parts]).encode())
        name = f"{self.language}-{digest.hexdigest()[:16]}.json"
        return self.cache / "gathered" / name

    def result(self) -> Gathered:
        """The result of `gather`."""
        content: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        return Gathered(
            documents=[(name, text) for name, text in content["documents"]],
            pairs=[FoundPair(*cells) for cells in content["pairs"]],
        )


def gather(job: Gathering) -> None:
    """Filter and pair the segments of a language, unless the result is cached."""
    if job.path.exists():
        return
    found = gather_segments(job)
    content = {"documents": found.documents, "pairs": found.pairs}
    job.path.parent.mkdir(parents=True, exist_ok=True)
    temporary = job.path.with_name(f".{job.path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    os.replace(temporary, job.path)


def gather_segments(job: Gathering) -> Gathered:
    """Collect documents and pairs of a language, keeping the first of equal segments.

    Segments are equal if their shapes are, that is, up to numbers and identifiers.
    """
    language = language_table()[job.language]
    english = {} if job.language == "en" else _english_texts(job)
    seen = _Seen()
    documents: dict[tuple[str, str], list[str]] = {}
    pairs = []
    for extraction in job.extractions:
        for segment in extraction.segments(job.language):
            name = document_name(extraction, segment)
            original = _english(extraction, segment, english)
            if original is not None:
                if is_untranslated(original, segment.text):
                    continue
                pairs += [
                    FoundPair(name, *texts, extraction.text, is_whole)
                    for texts, is_whole in _parts(original, segment.text)
                    if is_pair(*texts, language)
                    # Of whole segments this is known.
                    and (is_whole or not is_untranslated(*texts))
                    and seen.is_new_pair(*texts)
                ]
            if is_text(segment.text, language) and seen.is_new_text(segment.text):
                place = (extraction.text, name)
                documents.setdefault(place, []).append(segment.text)
    texts = [(name, "\n".join(lines)) for (_, name), lines in documents.items()]
    return Gathered(texts, pairs)


def document_name(extraction: Extraction, segment: Segment) -> str:
    """Name of the document of a segment, the same in every language."""
    if extraction.reader in MESSAGE_READERS:
        digest = hashlib.sha256(segment.key.encode()).digest()
        return f"messages {int.from_bytes(digest[:4]) % MESSAGE_GROUPS}"
    return f"{extraction.text} {segment.document}"


class _Seen:
    """Shapes of the texts and pairs so far."""

    def __init__(self) -> None:
        self._texts, self._english, self._other = set[str](), set[str](), set[str]()

    def is_new_text(self, text: str) -> bool:
        shape = masked_shape(text)
        is_new = shape not in self._texts
        self._texts.add(shape)
        return is_new

    def is_new_pair(self, english: str, other: str) -> bool:
        """Whether neither sentence is in a pair yet; one translation is enough."""
        shapes = masked_shape(english), masked_shape(other)
        is_new = shapes[0] not in self._english and shapes[1] not in self._other
        if is_new:
            self._english.add(shapes[0])
            self._other.add(shapes[1])
        return is_new


def _english_texts(job: Gathering) -> dict[tuple[str, str, str], str]:
    """English of each place: kind of text, document, key."""
    return {
        (extraction.text, segment.document, segment.key): segment.text
        for extraction in job.extractions
        if extraction.reader != "catalogues"
        for segment in extraction.segments("en")
    }


def _english(
    extraction: Extraction,
    segment: Segment,
    english: dict[tuple[str, str, str], str],
) -> str | None:
    """The English source of a segment; None if unknown, or if it is English."""
    if segment.language == "en":
        return None
    if extraction.reader == "catalogues":
        return segment.key
    return english.get((extraction.text, segment.document, segment.key))


def _parts(english: str, other: str) -> Iterator[tuple[tuple[str, str], bool]]:
    """Pairs of sentences, and whether they are the whole segment."""
    parts = list(sentence_pairs(english, other))
    return zip(parts, [len(parts) == 1] * len(parts), strict=True)
