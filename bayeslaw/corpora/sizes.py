"""Amount of text of each language in a divided corpus."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from bayeslaw.corpora.corpus import Tokens
from bayeslaw.corpora.manifest import Size
from bayeslaw.corpora.source import Document
from bayeslaw.corpora.split import Split

Place = tuple[str, str]  # family and language


def places(documents: Mapping[str, Sequence[Document]]) -> list[Place]:
    """Family and language of all documents, in the order of the families."""
    return [
        (family, language)
        for family, members in documents.items()
        for language in sorted({document.language for document in members})
    ]


def document_places(
    documents: Mapping[str, Sequence[Document]], order: Sequence[Place]
) -> np.ndarray:
    """Number in `order` of the place of each document. Shape (document,), int32."""
    number = {place: position for position, place in enumerate(order)}
    return np.array(
        [
            number[family, document.language]
            for family, members in documents.items()
            for document in members
        ],
        np.int32,
    )


def size_table(
    split: Split,
    tokens: Mapping[str, Tokens],
    numbers: Mapping[str, np.ndarray],
    order: Sequence[Place],
) -> tuple[Size, ...]:
    """Make the table of sizes, one row per language.

    Args:
      split: the divided documents.
      tokens: side (train, held_out) -> its tokens.
      numbers: side -> place of each document, as `document_places` gives it.
      order: the places.
    """
    counts = {side: _count(tokens[side], numbers[side], len(order)) for side in tokens}
    train_bytes, held_out_bytes = _bytes(split.train), _bytes(split.held_out)
    return tuple(
        Size(
            family=place[0],
            language=place[1],
            train_documents=int(counts["train"][0][number]),
            held_out_documents=int(counts["held_out"][0][number]),
            train_bytes=train_bytes[place],
            held_out_bytes=held_out_bytes[place],
            train_tokens=int(counts["train"][1][number]),
            held_out_tokens=int(counts["held_out"][1][number]),
            dropped_lines=split.dropped.get(place, 0),
        )
        for number, place in enumerate(order)
    )


def _count(
    tokens: Tokens, number: np.ndarray, places: int
) -> tuple[np.ndarray, np.ndarray]:
    """Documents and tokens of each place."""
    lengths = np.bincount(number, tokens.document_length, minlength=places)
    return np.bincount(number, minlength=places), lengths


def _bytes(documents: Mapping[str, Sequence[Document]]) -> Counter[Place]:
    sizes = Counter[Place]()
    for family, members in documents.items():
        for document in members:
            sizes[family, document.language] += len(document.text.encode())
    return sizes
