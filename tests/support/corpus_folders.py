"""Folders of small texts and the corpora built from them, for several tests."""

from pathlib import Path

from bayeslaw.corpora.building import TokenizerChoice, build_corpus
from bayeslaw.corpora.manifest import Manifest
from bayeslaw.corpora.source import SourceOptions

WORDS = {
    "de": "Das Haus am Fluss ist alt und die Tür steht offen",
    "en": "The house by the river is old and its door stands open",
    "hi": "नदी के किनारे का घर पुराना है और दरवाज़ा खुला है",
}
FAMILY = {"de": "germanic", "en": "germanic", "hi": "indic"}
DOCUMENTS = 120


def write_texts(folder: Path, *, documents: int = DOCUMENTS) -> Path:
    """Three languages of two families, with as many documents each."""
    for language, words in WORDS.items():
        path = folder / FAMILY[language] / f"{language}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        texts = [
            f"{n}. {rotated(words, n)}\n{words.split()[0]}" for n in range(documents)
        ]
        path.write_text("\n\n".join(texts) + "\n", encoding="utf-8")
    return folder


def rotated(words: str, places: int) -> str:
    """The words, some moved from the front to the end: another line for each number."""
    parts = words.split()
    names = [f"{part}{'x' * (places // len(parts))}" for part in parts]
    places %= len(names)
    return " ".join([*names[places:], *names[:places]])


def build(
    source: str,
    output: Path,
    *,
    kind: str = "bytes",
    vocabulary: int = 400,
    share: float = 0.1,
    **options,
) -> Manifest:
    """Builds a corpus with a cache beside it, all in this process."""
    cache = output.parent / "cache"
    chosen = SourceOptions(share, cache, **({"workers": 1} | options))
    return build_corpus(source, output, chosen, TokenizerChoice(kind, vocabulary))
