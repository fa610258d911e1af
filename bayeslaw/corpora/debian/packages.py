"""The packages that contain each kind of text."""

import tomllib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bayeslaw.corpora.debian.languages import canonical_code

TABLE = Path(__file__).with_name("packages.toml")


@dataclass(frozen=True)
class Text:
    """A kind of text in the recipe."""

    name: str  # e.g. "lo-help"; third cell of pairs
    reader: str  # name of the function that reads it
    genre: str
    licence: str
    packages: dict[str, str | None]  # package -> its language, None if it has several
    list_languages: tuple[str, ...] = ()  # languages read from the package lists
    reference: str = ""  # package that tells the English of texts with English keys


@cache
def texts() -> tuple[Text, ...]:
    """All texts, running text first."""
    content = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return tuple(_text(entry) for entry in content["texts"])


def _text(entry: dict) -> Text:
    codes = entry.get("codes", ())
    packages: dict[str, str | None] = dict.fromkeys(entry.get("packages", ()))
    if "package" in entry:
        packages = {
            entry["package"].format(code=code): canonical_code(code) for code in codes
        }
    return Text(
        name=entry["name"],
        reader=entry["reader"],
        genre=entry["genre"],
        licence=entry["licence"],
        packages=packages,
        list_languages=tuple(codes) if entry.get("lists") else (),
        reference=entry.get("reference", ""),
    )


def chosen_texts(genre: str) -> list[Text]:
    """The kinds of text of a genre; all of them for "all"."""
    return [text for text in texts() if genre in ("all", text.genre)]


def wanted_packages(chosen: Sequence[Text], languages: Collection[str]) -> list[str]:
    """Names of the packages with text in some languages, sorted.

    Includes the packages with English text, which sentence pairs need.
    """
    wanted = {*languages, "en"}
    return sorted(
        package
        for text in chosen
        for package, language in text.packages.items()
        if language is None or language in wanted or package == text.reference
    )
