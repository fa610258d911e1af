"""The `sample:` corpus: 19 languages in five families, shipped with the package."""

import gzip
import itertools
from collections.abc import Sequence
from pathlib import Path

from bayeslaw.corpora.source import Document
from bayeslaw.errors import InputError

FOLDER = Path(__file__).parent / "sample"


def sample_families() -> tuple[str, ...]:
    """Names of the families in the shipped sample, sorted."""
    return tuple(sorted(path.name for path in FOLDER.iterdir() if path.is_dir()))


def read_sample(families: Sequence[str]) -> dict[str, list[Document]]:
    """Documents of the shipped sample, by family.

    The documents of a family's languages are interleaved by the share of the language
    already read, so that any stretch of the family has all its languages.

    Args:
      families: which families, in the order wanted.

    Returns:
      family -> documents in stream order.

    Raises:
      InputError: a family that the sample does not have.
    """
    known = sample_families()
    if unknown := [family for family in families if family not in known]:
        raise InputError(
            "unknown language family",
            "study file, [corpus] families",
            ", ".join(unknown),
            f"families of sample: {', '.join(known)}",
            "correct the name, or choose another corpus source",
        )
    return {family: _read_family(FOLDER / family) for family in families}


def _read_family(folder: Path) -> list[Document]:
    languages = [_read_language(path) for path in sorted(folder.glob("*.txt.gz"))]
    placed = []
    for documents in languages:
        ends = list(itertools.accumulate(len(document.text) for document in documents))
        placed += [
            ((end - len(document.text) / 2) / ends[-1], document)
            for end, document in zip(ends, documents, strict=True)
        ]
    order = sorted(placed, key=lambda item: (item[0], item[1].language))
    return [document for _, document in order]


def _read_language(path: Path) -> list[Document]:
    language = path.name.removesuffix(".txt.gz")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        blocks = [block.strip("\n") for block in file.read().split("\n\n")]
    texts = [block for block in blocks if block]
    return [Document(language, position, text) for position, text in enumerate(texts)]
