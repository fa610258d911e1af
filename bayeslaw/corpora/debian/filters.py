"""Which segments are text of their language, and which translate each other."""

import re
from collections.abc import Iterator

from bayeslaw.corpora.debian.languages import Language

# Shorter segments are labels of a word or two.
SHORTEST, SHORTEST_UNSPACED = 25, 8
# Shares of the characters at the beginning of a segment.
BEGINNING = 300
MOST_SIGNS = 0.4  # digits and ASCII signs, of all but blanks
LEAST_SCRIPT = 0.5  # letters of the script, of these and Latin letters
LEAST_SCRIPT_COMPACT = 0.3
# Words in common with the English text, above which a text is not translated.
MOST_ENGLISH = 0.6
# Characters of a pair, and of the translation for one character of English.
PAIR_LENGTHS = (12, 500)
PAIR_WORDS = 3
PAIR_RATIOS, PAIR_RATIOS_COMPACT = (0.5, 2.2), (0.12, 1.0)

# Control characters, private ones, and the sign for what could not be decoded.
_DAMAGE = re.compile("[\x00-\x1f\x7f-\x9f\ue000-\uf8ff\ufffd]")
_LATIN = re.compile(r"[A-Za-z]")
_SIGN = re.compile(r"[!-@\[-`{-~]")
_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"\d+")
_SENTENCE_END = re.compile(r'(?<=[.!?])\s+(?=[A-ZÀ-ÝĂÂÎȘȚ„"«(¿¡А-ЯІЇЄ])|(?<=[。！？])')


def is_text(text: str, language: Language) -> bool:
    """Whether a segment is long enough, mostly letters, in its script and undamaged."""
    shortest = SHORTEST_UNSPACED if language.is_unspaced else SHORTEST
    return (
        len(text) >= shortest
        and is_mostly_letters(text)
        and is_in_script(text, language)
        and not is_damaged(text, language)
    )


def is_damaged(text: str, language: Language) -> bool:
    """Whether a text shows traces of a wrong encoding or character order."""
    damage = language.damage
    return bool(_DAMAGE.search(text) or (damage and damage.search(text)))


def is_mostly_letters(text: str) -> bool:
    """Whether the beginning of a text consists mostly of letters."""
    start = text[:BEGINNING]
    return len(_SIGN.findall(start)) <= MOST_SIGNS * (len(start) - start.count(" "))


def is_in_script(text: str, language: Language) -> bool:
    """Whether the letters at the beginning belong to the script of the language."""
    if language.letters is None:
        return True
    start = text[:BEGINNING]
    own, latin = len(language.letters.findall(start)), len(_LATIN.findall(start))
    least = LEAST_SCRIPT_COMPACT if language.is_compact else LEAST_SCRIPT
    return own > 0 and own >= least * (own + latin)


def is_untranslated(english: str, text: str) -> bool:
    """Whether a text shares most of its words with the English one."""
    if english == text:
        return True
    ours, theirs = set(english.casefold().split()), set(text.casefold().split())
    common = len(ours & theirs)
    return common > MOST_ENGLISH * (len(ours) + len(theirs) - common)


def is_pair(english: str, other: str, language: Language) -> bool:
    """Whether two texts may be translations: lengths, script and numbers agree.

    Identical texts are not excluded here; see `is_untranslated`.
    """
    shortest, longest = PAIR_LENGTHS
    low, high = PAIR_RATIOS_COMPACT if language.is_compact else PAIR_RATIOS
    return (
        shortest <= len(english) <= longest
        and low * len(english) <= len(other) <= high * len(english)
        and len(_WORD.findall(english)) >= PAIR_WORDS
        and is_mostly_letters(english)
        and is_mostly_letters(other)
        and is_in_script(other, language)
        and not is_damaged(other, language)
        and not _DAMAGE.search(english)
        and _have_equal_numbers(english, other, language)
    )


def _have_equal_numbers(english: str, other: str, language: Language) -> bool:
    """Whether numbers agree; other scripts may have digits of their own."""
    ours, theirs = sorted(_NUMBER.findall(english)), sorted(_NUMBER.findall(other))
    return ours == theirs or (language.letters is not None and not ours)


def sentence_pairs(english: str, other: str) -> Iterator[tuple[str, str]]:
    """Pair two texts sentence by sentence if counts agree, else as a whole."""
    ours = [sentence for sentence in _SENTENCE_END.split(english) if sentence]
    theirs = [sentence for sentence in _SENTENCE_END.split(other) if sentence]
    if len(ours) == len(theirs) > 1:
        yield from zip(ours, theirs, strict=True)
    else:
        yield english, other
