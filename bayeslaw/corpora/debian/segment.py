"""A segment of text, as every reader returns it, and the removal of its markup."""

import html
import re
from typing import NamedTuple

_TAG = re.compile(r"<[^>]+>")
_BREAK = re.compile(r"<br\s*/?>")


class Segment(NamedTuple):
    """A paragraph, a heading or an interface string."""

    language: str
    document: str  # the same in all languages
    key: str  # place in the document, the same in all languages
    text: str


def plain_text(markup: str) -> str:
    """Convert HTML to plain text with single spaces."""
    text = html.unescape(_TAG.sub("", _BREAK.sub(" ", markup)))
    return " ".join(text.split())
