"""Readers of running text: help pages, guides, the handbook, package descriptions.

A reader returns the segments of some languages; for a file in one language, the caller
states which.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Collection, Iterator
from pathlib import Path

from bayeslaw.corpora.debian.languages import canonical_code
from bayeslaw.corpora.debian.package_file import package_members
from bayeslaw.corpora.debian.segment import Segment, plain_text

_HELP_BLOCK = re.compile(
    r'<(p|h[1-6]|td|li)\s[^>]*?id="((?:par|hd)_id[^"]*)"[^>]*>(.*?)</\1>', re.DOTALL
)
_GUIDE_FILE = re.compile(r"/help/([^/]+)/(.+\.page)$")
_MALLARD = "{http://projectmallard.org/1.0/}"
_GUIDE_TAGS = {_MALLARD + tag for tag in ("p", "title", "desc")}
_BOOK_FILE = re.compile(r"/html/([a-z]{2}-[A-Z]{2})/([^/]+\.html)$")
_BOOK_BLOCK = re.compile(
    r'<(p|h[1-6]|div class="para")[^>]*>(.*?)</(?:p|h[1-6]|div)>', re.DOTALL
)
_FIELDS = {
    "package": re.compile(r"^Package: (\S+)", re.MULTILINE),
    "digest": re.compile(r"^Description-md5: (\S+)", re.MULTILINE),
    "text": re.compile(r"^Description-[A-Za-z_]+: (.*(?:\n .*)*)", re.MULTILINE),
}
_BULLET = re.compile(r"\s*[*\-+o]\s+")


def help_pages(path: Path, languages: Collection[str]) -> Iterator[Segment]:
    """LibreOffice help: blocks with an identifier that all translations share."""
    (language,) = languages
    for name, content in package_members(path, _is_help_page):
        document = name.split("/text/", 1)[1]
        for block in _HELP_BLOCK.finditer(content.decode(errors="replace")):
            if text := plain_text(block[3]):
                yield Segment(language, document, block[2], text)


def _is_help_page(name: str) -> bool:
    return name.endswith(".html") and "/text/" in name


def guides(path: Path, languages: Collection[str]) -> Iterator[Segment]:
    """GNOME guides: blocks are matched by place in pages of as many blocks."""
    for name, content in package_members(path, _is_guide):
        found = _GUIDE_FILE.search(name)
        code = canonical_code(found[1]) if found else None
        if found is None or code is None or code not in languages:
            continue
        try:
            root = ET.fromstring(content)
        except ET.ParseError:
            continue
        blocks = [_joined(node) for node in root.iter() if node.tag in _GUIDE_TAGS]
        yield from _numbered(code, found[2], blocks)


def _is_guide(name: str) -> bool:
    return name.endswith(".page") and "/help/" in name


def _joined(node: ET.Element) -> str:
    return " ".join("".join(node.itertext()).split())


def handbook(path: Path, languages: Collection[str]) -> Iterator[Segment]:
    """The Debian Administrator's Handbook, matched by place as guides are."""
    for name, content in package_members(path, _is_chapter):
        found = _BOOK_FILE.search(name)
        code = (
            canonical_code(found[1]) or canonical_code(found[1][:2]) if found else None
        )
        if found is None or code is None or code not in languages:
            continue
        page = content.decode(errors="replace")
        blocks = [plain_text(block[2]) for block in _BOOK_BLOCK.finditer(page)]
        yield from _numbered(code, found[2], blocks)


def _is_chapter(name: str) -> bool:
    return _BOOK_FILE.search(name) is not None


def descriptions(path: Path, languages: Collection[str]) -> Iterator[Segment]:
    """Package descriptions of a list, matched by the digest of the English text."""
    (language,) = languages
    records = path.read_text(encoding="utf-8", errors="replace").split("\n\n")
    for record in records:
        fields = {name: pattern.search(record) for name, pattern in _FIELDS.items()}
        digest, text = fields["digest"], fields["text"]
        if fields["package"] and digest and text:
            yield from _numbered(language, digest[1], _paragraphs(text[1]))


def _paragraphs(description: str) -> list[str]:
    """Summary, paragraphs and list items of a description."""
    summary, *lines = description.split("\n")
    paragraphs, current = [summary.strip()], list[str]()
    for line in [*(line[1:] for line in lines), "."]:
        is_item = _BULLET.match(line)
        if (line.strip() == "." or is_item) and current:
            paragraphs.append(" ".join(" ".join(current).split()))
            current = []
        if line.strip() != ".":
            current.append(_BULLET.sub("", line, count=1) if is_item else line)
    return paragraphs


def _numbered(language: str, document: str, blocks: list[str]) -> Iterator[Segment]:
    """Segments whose key is their position and the number of segments."""
    for place, text in enumerate(blocks):
        if text:
            yield Segment(language, document, f"{place}/{len(blocks)}", text)
