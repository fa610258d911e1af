"""Near-duplicate sentences, found by the pairs of neighbouring words they share."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from bayeslaw.corpora.leakage import masked_shape

# A sentence is a near-duplicate if this share of its word pairs stands in one sentence
# of the others: one word of four may differ, or two of ten.
NEAR = 0.5


def near_duplicates(
    candidates: Sequence[str], references: Iterable[str], *, near: float = NEAR
) -> list[bool]:
    """Find candidates that are near-duplicates of a reference.

    Numbers and identifiers are masked first, so that two sentences that differ only in
    these share all word pairs. The share refers to the candidate's pairs and not to the
    union, because a short sentence copied into a longer one is a copy.

    Args:
      candidates: sentences to test, in a language that separates words by spaces.
      references: sentences to compare them with.
      near: smallest share of a candidate's word pairs that makes it a near-duplicate.

    Returns:
      whether each candidate is a near-duplicate.
    """
    pairs = [word_pairs(sentence) for sentence in candidates]
    least = [max(1, math.ceil(near * len(own))) for own in pairs]
    index = _rare_pairs(pairs, least)
    is_near = [False] * len(pairs)
    for sentence in references:
        theirs = word_pairs(sentence)
        for number in {n for pair in theirs for n in index.get(pair, ())}:
            if not is_near[number]:
                is_near[number] = len(pairs[number] & theirs) >= least[number]
    return is_near


def word_pairs(sentence: str) -> frozenset[str]:
    """Pairs of neighbouring words of the masked sentence; a single word is a pair."""
    words = masked_shape(sentence).split()
    return frozenset(map(" ".join, pairwise(words))) or frozenset(words)


def _rare_pairs(
    pairs: Sequence[frozenset[str]], least: Sequence[int]
) -> dict[str, list[int]]:
    """Pair -> candidates that are looked at when a reference has it.

    A reference that has enough pairs of a candidate must have one of any
    `len(own) - least + 1` of them. The rarest are taken: few references have them.
    """
    counts = Counter(pair for own in pairs for pair in own)
    index: dict[str, list[int]] = {}
    for number, (own, enough) in enumerate(zip(pairs, least, strict=True)):
        rarest = sorted(own, key=lambda pair: (counts[pair], pair))
        for pair in rarest[: len(own) - enough + 1]:
            index.setdefault(pair, []).append(number)
    return index
