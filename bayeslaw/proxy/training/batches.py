"""Data of a run as a pure function of (entropy, step): no loader state, ever.

Families take turns in the order of Webster's apportionment, so that after any number of
sequences each family has had its share to within a sequence or two; inside a family,
windows are drawn without replacement, in a new order every epoch.
"""

import functools
from pathlib import Path

import numpy as np

from bayeslaw.corpora import (
    ByteTokenizer,
    Corpus,
    Tokens,
    eval_set_name,
    exact_line,
    read_corpus,
    read_sample,
    split_documents,
    stream_digest,
    tokenise,
)
from bayeslaw.proxy.study import (
    AnyCorpusConfig,
    BuiltCorpusConfig,
    TokenizerConfig,
)


@functools.lru_cache(maxsize=2)
def load_corpus(
    corpus: AnyCorpusConfig, tokenizer: TokenizerConfig, folder: Path | None = None
) -> Corpus:
    """Read a corpus, divided and tokenised; the same result on every call.

    Args:
      corpus: which corpus.
      tokenizer: how its text is converted to integers; a built corpus has its own.
      folder: folder of a built corpus on this machine.
    """
    if isinstance(corpus, BuiltCorpusConfig):
        assert folder is not None
        return read_corpus(folder, digest=corpus.digest, families=corpus.families)
    documents = read_sample(corpus.families)
    split = split_documents(
        documents, held_out_share=corpus.held_out_share, line_key=exact_line
    )
    coder = ByteTokenizer()
    held_out = tokenise(split.held_out, coder)
    return Corpus(
        families=corpus.families,
        train=tokenise(split.train, coder),
        held_out=held_out,
        bytes_per_token=coder.bytes_per_token,
        dropped_lines=split.dropped_lines,
        eval_set=eval_set_name(corpus.source, stream_digest(held_out.stream)),
        tokenizer=coder.name,
    )


def count_windows(length: np.ndarray, context: int) -> np.ndarray:
    """Disjoint windows per family, each with one more token as the last target."""
    return (length - 1) // context


def family_order(p: np.ndarray, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
    """Family of each sequence number in [start, stop), and its rank in that family.

    The j-th sequence of a family (j = 0, 1, ...) is due at (j + 1/2) / p, and sequences
    are served in the order in which they are due (Webster's method). With K families
    |count_i - n p_i| <= max(1/2, (K - 1) / 2); a single golden-ratio Weyl sequence
    over the unit interval strayed by 5 on random mixtures.

    Args:
      p: sampling ratios, zeros allowed. Shape (family,).
      start: first sequence number.
      stop: sequence number after the last.

    Returns:
      families and ranks, both of shape (stop - start,).
    """
    slack = len(p) + 2
    low = np.where(p > 0, np.maximum(0, np.floor(start * p) - slack), 0).astype(int)
    high = np.where(p > 0, np.ceil(stop * p) + slack, 0).astype(int)
    family = np.repeat(np.arange(len(p)), high - low)
    rank = np.concatenate([np.arange(a, b) for a, b in zip(low, high, strict=True)])
    order = np.lexsort((family, (rank + 0.5) / p[family]))
    served = order[start - low.sum() : stop - low.sum()]
    return family[served], rank[served]


def shuffle(index: np.ndarray, size: np.ndarray, key: np.ndarray) -> np.ndarray:
    """Places of `index` in a keyed permutation of range(size), without storing it.

    A four-round Feistel network permutes the smallest power of four that holds `size`;
    a place outside the range is sent through again (cycle walking).

    Args:
      index: integers in [0, size). Shape (n,).
      size: length of the permuted range. Shape (n,).
      key: 64-bit keys; equal keys and sizes give one permutation. Shape (n,), uint64.
    """
    half = np.array([(int(s - 1).bit_length() + 1) // 2 for s in size], np.uint64)
    mask = (np.uint64(1) << half) - np.uint64(1)
    place, outside = index.astype(np.uint64), np.ones(len(index), bool)
    while outside.any():
        left, right = place >> half, place & mask
        for turn in range(4):
            mixed = _mix(right ^ _mix(key + np.uint64(turn)))
            left, right = right, (left ^ mixed) & mask
        place = np.where(outside, (left << half) | right, place)
        outside = place >= size.astype(np.uint64)
    return place.astype(np.int64)


def _mix(x: np.ndarray) -> np.ndarray:
    """SplitMix64 finaliser: a well-mixed 64-bit hash (Steele et al. 2014)."""
    with np.errstate(over="ignore"):
        x = x + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))


def window_starts(
    tokens: Tokens, p: np.ndarray, entropy: int, context: int, start: int, stop: int
) -> np.ndarray:
    """First token of the training windows of sequence numbers [start, stop).

    Args:
      tokens: the training text.
      p: sampling ratios. Shape (family,).
      entropy: root of the run's randomness.
      context: tokens of a window.
      start: first sequence number, i.e. step * batch size.
      stop: sequence number after the last.

    Returns:
      positions in `tokens.stream`, int32. Shape (stop - start,).
    """
    family, rank = family_order(p, start, stop)
    windows = count_windows(tokens.length, context)[family]
    epoch = rank // windows
    key = _mix(
        _mix(
            _mix(np.full_like(rank, entropy).astype(np.uint64))
            + family.astype(np.uint64)
        )
        + epoch.astype(np.uint64)
    )
    window = shuffle(rank % windows, windows, key)
    # A new offset every epoch: a repeated text is cut at other places.
    spare = tokens.length[family] - 1 - windows * context
    offset = (_mix(key) % (spare + 1).astype(np.uint64)).astype(np.int64)
    return (tokens.start[family] + offset + window * context).astype(np.int32)
