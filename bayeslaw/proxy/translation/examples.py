"""Sentence pairs as token windows: separator, source, separator, target, separator.

The separator is the one between documents, so that pretraining has seen it. Loss counts
the target and its end only.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bayeslaw.corpora import Tokenizer

BLOCK = 1000  # pairs encoded at a time

Pair = tuple[str, str]  # source sentence, target sentence


@dataclass(frozen=True)
class Examples:
    """Pairs that fit into a window, one a row."""

    tokens: np.ndarray  # filled up with the separator. Shape (pair, L + 1), int32
    prompt: np.ndarray  # tokens before the target. Shape (pair,)
    length: np.ndarray  # tokens in all, the final separator included. Shape (pair,)
    pairs: tuple[Pair, ...]
    n_too_long: int  # pairs left out because they do not fit

    @property
    def target_tokens(self) -> int:
        """Tokens that the loss counts."""
        return int((self.length - self.prompt).sum())


def make_examples(
    pairs: Sequence[Pair], tokenizer: Tokenizer, *, context: int, limit: int
) -> Examples:
    """The first `limit` pairs that fit into `context` + 1 tokens, in their order.

    Args:
      pairs: sentence pairs.
      tokenizer: of the proxy.
      context: tokens of a window.
      limit: largest number of pairs.
    """
    end = np.array([tokenizer.separator])
    kept, sizes, texts, n_too_long = [], [], [], 0
    for (source, target), coded_source, coded_target in _encoded(pairs, tokenizer):
        prompt = np.concatenate([end, coded_source, end])
        row = np.concatenate([prompt, coded_target, end])
        if len(row) > context + 1:
            n_too_long += 1
            continue
        fill = np.full(context + 1 - len(row), tokenizer.separator)
        kept.append(np.concatenate([row, fill]))
        sizes.append((len(prompt), len(row)))
        texts.append((source, target))
        if len(kept) == limit:
            break
    prompt, length = np.array(sizes, np.int32).reshape(-1, 2).T
    tokens = np.array(kept, np.int32).reshape(-1, context + 1)
    return Examples(tokens, prompt, length, tuple(texts), n_too_long)


def _encoded(
    pairs: Sequence[Pair], tokenizer: Tokenizer
) -> Iterator[tuple[Pair, np.ndarray, np.ndarray]]:
    """Pairs with the tokens of both sentences."""
    for start in range(0, len(pairs), BLOCK):
        block = pairs[start : start + BLOCK]
        sources, targets = (
            tokenizer.encode(texts) for texts in zip(*block, strict=True)
        )
        yield from zip(block, sources, targets, strict=True)
