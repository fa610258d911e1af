"""The languages that the recipe knows, their families and their letters."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bayeslaw.errors import InputError

TABLE = Path(__file__).with_name("languages.toml")
# The families of the published studies; each has several languages with much text.
CORE = ("germanic", "romance", "slavic", "indic", "sino_tibetan")


@dataclass(frozen=True)
class Language:
    """One language of the table."""

    code: str  # as observation tables and files name it, e.g. "pt_BR"
    family: str
    letters: re.Pattern[str] | None  # one letter of its script; None for Latin
    is_compact: bool  # much meaning in a letter
    is_unspaced: bool  # no blanks between words
    damage: re.Pattern[str] | None = None  # what no correct text holds


@cache
def language_table() -> dict[str, Language]:
    """All languages by code."""
    content = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {
        code: Language(
            code=code,
            family=family,
            letters=_letters(content["scripts"].get(entry.get("script"))),
            is_compact=entry.get("compact", False),
            is_unspaced=entry.get("unspaced", False),
            damage=re.compile(entry["damage"]) if "damage" in entry else None,
        )
        for family, members in content["families"].items()
        for code, entry in members.items()
    }


def canonical_code(code: str) -> str | None:
    """Map a package's language code to that of the table; None if unknown.

    Example:
      >>> canonical_code("pt-br"), canonical_code("xx")
      ('pt_BR', None)
    """
    return _codes().get(_plain(code))


def family_languages(
    families: Sequence[str] | None, languages: Sequence[str] | None
) -> dict[str, list[str]]:
    """Codes of the languages to read, by family.

    Args:
      families: the families, in the order to keep; None for the core five.
      languages: which of their languages; None for all.

    Raises:
      InputError: a family or language is not in the table.
    """
    table = language_table()
    known = {language.family for language in table.values()}
    if unknown := sorted(set(families or ()) - known):
        raise _unknown("--families", unknown, sorted(known))
    wanted = families or CORE
    offered = [code for code, entry in table.items() if entry.family in wanted]
    if unknown := sorted(set(languages or ()) - set(offered)):
        raise _unknown("--languages", unknown, offered)
    chosen = {
        family: [
            code
            for code in offered
            if table[code].family == family and code in (languages or offered)
        ]
        for family in wanted
    }
    if empty := [family for family, codes in chosen.items() if not codes]:
        raise _unknown("--languages", [f"none of {name}" for name in empty], offered)
    return chosen


def _unknown(option: str, got: Sequence[str], known: Sequence[str]) -> InputError:
    return InputError(
        "unknown family or language",
        f"option {option}",
        ", ".join(got),
        f"one or more of: {', '.join(known)}",
        "correct the name, or omit the option",
    )


@cache
def _codes() -> dict[str, str]:
    content: dict[str, Any] = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {
        _plain(name): code
        for members in content["families"].values()
        for code, entry in members.items()
        for name in (code, *entry.get("codes", ()))
    }


def _plain(code: str) -> str:
    return code.replace("-", "_").casefold()


def _letters(bounds: Sequence[str] | None) -> re.Pattern[str] | None:
    if bounds is None:
        return None
    ranges = zip(bounds[::2], bounds[1::2], strict=True)
    return re.compile(f"[{''.join(f'{first}-{last}' for first, last in ranges)}]")
