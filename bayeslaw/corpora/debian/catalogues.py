"""Readers of interface strings: gettext catalogues and MediaWiki messages."""

import codecs
import functools
import html
import json
import re
import struct
from collections.abc import Collection, Iterator
from pathlib import Path

from bayeslaw.corpora.debian.languages import canonical_code
from bayeslaw.corpora.debian.package_file import package_members
from bayeslaw.corpora.debian.segment import Segment

_LANGUAGE_FOLDER = re.compile(r"/(?:locale|resource|translations)/([^/]+)/")
_LANGUAGE_FILE = re.compile(r"([a-z]{2,3}(?:_[A-Z]{2})?)\.mo$")
_WIKI_FILE = re.compile(
    r"/([^/]+/(?:[^/]+/)?i18n(?:/[^/]+)?)/([a-z]{2,3}(?:-[a-z]+)?)\.json$"
)
# Wiki markup and addresses: what is left without them is no sentence.
_WIKI_MARKUP = re.compile(r"\{\{|\[\[|<|https?:")
_TAG = re.compile(r"<[^>]+>")
_CHARSET = re.compile(rb"charset=([\w.:-]+)")
# The letter to press with Alt, in the word or, where that has no such letter, after it.
# Longer texts and texts with several such signs have them for other reasons.
_KEY_MARK = re.compile(r"[_&~](?=\w)")
_KEY_AFTER = re.compile(r"\s?\([_&~]\w\)")
LABEL_LENGTH = 60
LITTLE_ENDIAN, BIG_ENDIAN = b"\xde\x12\x04\x95", b"\x95\x04\x12\xde"


def catalogues(path: Path, languages: Collection[str]) -> Iterator[Segment]:
    """Read the messages of all gettext catalogues of a package.

    Keys are the English texts, collected from all languages, selected or not, so that
    they do not depend on the selection.
    """
    english = set[tuple[str, str]]()
    for name, content in package_members(path, _is_catalogue):
        folder = _LANGUAGE_FOLDER.search(name)
        code = folder or _LANGUAGE_FILE.search(name)
        known = canonical_code(code[1]) if code else None
        if known is None:
            continue
        # Of one file a language the name tells the language, not the catalogue.
        document = Path(name).name if folder else "messages"
        is_wanted = known in languages and known != "en"
        for original, text in read_messages(content):
            key = plain_string(original)
            if key and "en" in languages:
                english.add((document, key))
            if key and is_wanted and (value := plain_string(text)):
                yield Segment(known, document, key, value)
    for document, key in sorted(english):
        yield Segment("en", document, key, key)


def _is_catalogue(name: str) -> bool:
    return name.endswith(".mo")


def read_messages(content: bytes) -> Iterator[tuple[str, str]]:
    """Read the English and translated texts of a binary gettext catalogue (.mo).

    Contexts are omitted; of plural forms the first and the last are given. Files of
    other programs with this name yield no messages.
    """
    if content[:4] not in (LITTLE_ENDIAN, BIG_ENDIAN):
        return
    order = "<" if content[:4] == LITTLE_ENDIAN else ">"
    count, keys, values = struct.unpack_from(f"{order}III", content, 8)
    encoding = "utf-8"
    strings = zip(
        _strings(content, f"{order}{2 * count}I", keys),
        _strings(content, f"{order}{2 * count}I", values),
        strict=True,
    )
    for key, value in strings:
        # The empty key, the first of the sorted keys, stands for the header.
        if not key:
            encoding = _encoding(value)
        elif value:
            english = key.decode(encoding, "replace").split("\x04", 1)[-1].split("\0")
            text = value.decode(encoding, "replace").split("\0")
            yield english[0], text[0]
            if len(english) > 1 and len(text) > 1:
                yield english[1], text[-1]


def _strings(content: bytes, layout: str, table: int) -> Iterator[bytes]:
    """Strings of a table of their lengths and places."""
    numbers = struct.unpack_from(layout, content, table)
    for length, start in zip(numbers[::2], numbers[1::2], strict=True):
        yield content[start : start + length]


def _encoding(header: bytes) -> str:
    """The encoding that a header names; UTF-8 if it names none that Python knows."""
    found = _CHARSET.search(header)
    try:
        return codecs.lookup(found[1].decode("ascii")).name if found else "utf-8"
    except LookupError:
        return "utf-8"


# English keys come back in every language of a package.
@functools.lru_cache(maxsize=50_000)
def plain_string(text: str) -> str:
    """Remove markup and keyboard accelerators from an interface string."""
    text = html.unescape(_TAG.sub("", text.replace("\\n", " ")))
    if len(text) < LABEL_LENGTH:
        text = _KEY_AFTER.sub("", text)
        if len(_KEY_MARK.findall(text)) == 1:
            text = _KEY_MARK.sub("", text)
    return " ".join(text.split())


def wiki_messages(path: Path, languages: Collection[str]) -> Iterator[Segment]:
    """Read MediaWiki's messages, except those in wiki markup."""
    for name, content in package_members(path, _is_wiki_file):
        found = _WIKI_FILE.search(name)
        code = canonical_code(found[2]) if found else None
        if found is None or code is None or code not in languages:
            continue
        try:
            messages = json.loads(content)
        except ValueError:
            continue
        for key, value in messages.items():
            if isinstance(value, str) and not _WIKI_MARKUP.search(value):
                text = " ".join(value.replace("''", "").split())
                yield Segment(code, found[1], key, text)


def _is_wiki_file(name: str) -> bool:
    return _WIKI_FILE.search(name) is not None
