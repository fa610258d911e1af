"""A tokenised corpus in memory, as training and evaluation read it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bayeslaw.corpora.source import Document
from bayeslaw.corpora.tokenizer import Tokenizer


@dataclass(frozen=True)
class Tokens:
    """The tokenised documents of some families, one family after the other."""

    stream: np.ndarray  # token numbers, uint16. Shape (token,)
    document_length: np.ndarray  # tokens of each document. Shape (document,)
    start: np.ndarray  # first token of each family. Shape (family,)
    length: np.ndarray  # tokens of each family. Shape (family,)

    @cached_property
    def document(self) -> np.ndarray:
        """Number of the document that contains each token. Shape (token,)."""
        return np.repeat(np.arange(len(self.document_length)), self.document_length)

    def of_families(self, chosen: Sequence[int]) -> "Tokens":
        """The same stream, restricted to some families."""
        chosen = list(chosen)
        return Tokens(
            self.stream, self.document_length, self.start[chosen], self.length[chosen]
        )


@dataclass(frozen=True)
class Corpus:
    """A tokenised corpus, divided into training and held-out text."""

    families: tuple[str, ...]
    train: Tokens
    held_out: Tokens
    bytes_per_token: np.ndarray  # Shape (vocabulary,)
    dropped_lines: dict[str, int]  # training lines dropped because held out as well
    eval_set: str  # name and content hash of the held-out text
    tokenizer: str  # name of the tokenizer


def tokenise(
    families: Mapping[str, Sequence[Document]], tokenizer: Tokenizer
) -> Tokens:
    """Tokenise the documents of all families, with a separator before each document."""
    separator = np.array([tokenizer.separator], np.uint16)
    pieces: list[np.ndarray] = []
    lengths, document_lengths = [], []
    for documents in families.values():
        encoded = tokenizer.encode([document.text for document in documents])
        for tokens in encoded:
            pieces += [separator, tokens]
        own = [len(tokens) + 1 for tokens in encoded]
        document_lengths += own
        lengths.append(sum(own))
    length = np.array(lengths, np.int64)
    return Tokens(
        stream=np.concatenate(pieces) if pieces else np.zeros(0, np.uint16),
        document_length=np.array(document_lengths, np.int64),
        start=np.cumsum(length) - length,
        length=length,
    )
