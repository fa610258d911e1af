"""Segments of each package and list, cached so that they are read once.

In the cache `segments/<file>-<version>-<digest>-<languages>/<language>.json` holds rows
[document, key, text].
"""

import hashlib
import json
import os
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from bayeslaw.corpora.debian import catalogues, pages
from bayeslaw.corpora.debian.segment import Segment

# Raised by one when a reader gives other segments for the same file.
READERS_VERSION = 3
# Marks of byte order and of writing direction, which are no text. Joiners and breaks of
# no width are part of how some scripts are written.
INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200e\u200f\u202a\u202b\u202c\u202d\u202e"))
READERS = {
    "help_pages": pages.help_pages,
    "guides": pages.guides,
    "handbook": pages.handbook,
    "descriptions": pages.descriptions,
    "catalogues": catalogues.catalogues,
    "wiki_messages": catalogues.wiki_messages,
}


@dataclass(frozen=True)
class Extraction:
    """The reading of one file."""

    text: str  # name of the kind of text, e.g. "lo-help"
    reader: str  # name in READERS
    path: Path
    digest: str  # of the file
    languages: tuple[str, ...]  # that are wanted of the file, sorted
    cache: Path

    @property
    def folder(self) -> Path:
        """The folder of the cached segments."""
        wanted = hashlib.sha256(" ".join(self.languages).encode()).hexdigest()[:8]
        name = f"{self.path.stem}-{READERS_VERSION}-{self.digest[:12]}-{wanted}"
        return self.cache / "segments" / name

    def may_have(self, languages: Collection[str]) -> bool:
        """Whether the file may contain text in one of some languages."""
        return not set(languages).isdisjoint(self.languages)

    def segments(self, language: str) -> list[Segment]:
        """The segments of a language, each place in a document once."""
        path = self.folder / f"{language}.json"
        if not path.exists():
            return []
        rows = json.loads(path.read_text(encoding="utf-8"))
        return [Segment(language, *row) for row in rows]


def extract(job: Extraction) -> None:
    """Read the segments of a file into the cache, unless they are already there."""
    if job.folder.exists():
        return
    languages: dict[str, dict[tuple[str, str], str]] = {}
    for language, document, key, text in READERS[job.reader](job.path, job.languages):
        found = languages.setdefault(language, {})
        found.setdefault((document, key), text.translate(INVISIBLE))
    temporary = job.folder.with_name(f".{job.folder.name}.{os.getpid()}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    for language, found in languages.items():
        rows = [[*place, text] for place, text in found.items()]
        content = json.dumps(rows, ensure_ascii=False)
        (temporary / f"{language}.json").write_text(content, encoding="utf-8")
    if job.folder.exists():
        shutil.rmtree(temporary)
    else:
        os.replace(temporary, job.folder)
