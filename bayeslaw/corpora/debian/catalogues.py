"""Readers of interface strings: gettext catalogues and MediaWiki messages."""

import codecs
import html
import json
import re
import struct
from collections.abc import Iterator
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
LITTLE_ENDIAN = b"\xde\x12\x04\x95"


def catalogues(path: Path, language: str | None) -> Iterator[Segment]:
    """Messages of all gettext catalogues of a package; keys are the English texts."""
    for name, content in package_members(path, _is_catalogue):
        folder = _LANGUAGE_FOLDER.search(name)
        code = folder or _LANGUAGE_FILE.search(name)
        known = canonical_code(code[1]) if code else None
        if known is None:
            continue
        # Of one file a language the name tells the language, not the catalogue.
        document = Path(name).name if folder else "messages"
        for english, text in read_messages(content):
            key, value = plain_string(english), plain_string(text)
            if key and value:
                yield Segment(known, document, key, value)


def _is_catalogue(name: str) -> bool:
    return name.endswith(".mo")


def read_messages(content: bytes) -> Iterator[tuple[str, str]]:
    """English and translated texts of a binary gettext catalogue (.mo).

    Contexts are left out; of plural forms the first and the last are given.
    """
    order = "<" if content[:4] == LITTLE_ENDIAN else ">"
    count, keys, values = struct.unpack(f"{order}III", content[8:20])
    encoding = "utf-8"
    for number in range(count):
        key = _string(content, order, keys + 8 * number)
        value = _string(content, order, values + 8 * number)
        # The empty key, the first of the sorted keys, stands for the header.
        if not key:
            encoding = _encoding(value)
        if not (key and value):
            continue
        english, text = (
            key.decode(encoding, "replace"),
            value.decode(encoding, "replace"),
        )
        forms, texts = english.split("\x04", 1)[-1].split("\0"), text.split("\0")
        yield forms[0], texts[0]
        if len(forms) > 1 and len(texts) > 1:
            yield forms[1], texts[-1]


def _string(content: bytes, order: str, place: int) -> bytes:
    length, start = struct.unpack(f"{order}II", content[place : place + 8])
    return content[start : start + length]


def _encoding(header: bytes) -> str:
    """The encoding that a header names; UTF-8 if it names none that Python knows."""
    found = _CHARSET.search(header)
    try:
        return codecs.lookup(found[1].decode("ascii")).name if found else "utf-8"
    except LookupError:
        return "utf-8"


def plain_string(text: str) -> str:
    """An interface string without markup and without marks of keys to press."""
    text = html.unescape(_TAG.sub("", text.replace("\\n", " ")))
    if len(text) < LABEL_LENGTH:
        text = _KEY_AFTER.sub("", text)
        if len(_KEY_MARK.findall(text)) == 1:
            text = _KEY_MARK.sub("", text)
    return " ".join(text.split())


def wiki_messages(path: Path, language: str | None) -> Iterator[Segment]:
    """MediaWiki's messages without those in wiki markup."""
    for name, content in package_members(path, _is_wiki_file):
        found = _WIKI_FILE.search(name)
        code = canonical_code(found[2]) if found else None
        if found is None or code is None:
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
