"""When two lines are the same text, so that only one side of a split may have it."""

import re

# A shared line shorter than this many characters is a heading or a button label, which
# two documents have by chance; a longer one is copied text.
LEAK_LENGTH = 40

# An ASCII word with a digit, a dash, a slash or an underscore: a number, version, path,
# option or identifier. Boilerplate differs in these only. It looks behind, so that a
# word is tried from its beginning alone.
_IDENTIFIER = re.compile(r"(?<![!-~])[!-~]*[0-9_/-][!-~]*")
_SIGN_OF_ONE = re.compile(r"[0-9_/-]")


def masked_shape(text: str) -> str:
    """Mask numbers and identifiers and lower the case, so that near copies are equal.

    Example:
      >>> masked_shape("Removes libfoo-2 and 3 files")
      'removes # and # files'
    """
    text = text.casefold()
    # Most texts have none, and looking is five times quicker than replacing.
    if _SIGN_OF_ONE.search(text):
        text = _IDENTIFIER.sub("#", text)
    return " ".join(text.split())


def masked_line(line: str) -> str:
    """Key of a line whose near copies are leaks; "" if it is short.

    The length is measured in bytes: forty Chinese characters are a paragraph.
    """
    text = line.strip()
    is_long = len(text) >= LEAK_LENGTH or len(text.encode()) >= LEAK_LENGTH
    return masked_shape(text) if is_long else ""


def exact_line(line: str) -> str:
    """Key of a line of which only exact copies are leaks; "" if it is short."""
    text = line.strip()
    return text if len(text) >= LEAK_LENGTH else ""
