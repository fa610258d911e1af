"""The order of the data: shares, permutations, windows."""

import numpy as np
import pytest

from bayeslaw.corpora.corpus import Tokens
from bayeslaw.proxy.study.config import CorpusConfig, TokenizerConfig
from bayeslaw.proxy.training.batches import (
    count_windows,
    family_order,
    load_corpus,
    shuffle,
    window_starts,
)

MIXTURES = (
    [0.2] * 5,
    [0.8, 0.1, 0.05, 0.03, 0.02],
    [0.35, 0.05, 0.35, 0.02, 0.23],
    [0.0, 0.123456789, 0.5, 0.0, 0.376543211],
    [1.0],
    [1 / 3, 1 / 3, 1 / 3],
)


@pytest.mark.parametrize("p", MIXTURES)
def test_every_family_has_its_share_after_any_number_of_sequences(p):
    family, _ = family_order(np.array(p), 0, 1_000_000)
    n = np.arange(1, len(family) + 1)
    for i, ratio in enumerate(p):
        assert np.abs(np.cumsum(family == i) - n * ratio).max() <= 2


@pytest.mark.parametrize("p", MIXTURES)
@pytest.mark.parametrize("start", [0, 1, 37, 999_000])
def test_the_order_does_not_depend_on_where_one_starts_to_read_it(p, start):
    whole = family_order(np.array(p), 0, start + 64)
    part = family_order(np.array(p), start, start + 64)
    for everything, tail in zip(whole, part, strict=True):
        np.testing.assert_array_equal(everything[start:], tail)


def test_ranks_count_the_sequences_of_a_family():
    family, rank = family_order(np.array(MIXTURES[1]), 0, 5000)
    for i in range(5):
        np.testing.assert_array_equal(rank[family == i], np.arange(np.sum(family == i)))


def test_a_family_of_ratio_zero_is_never_served():
    family, _ = family_order(np.array([0.0, 0.5, 0.5]), 0, 1000)
    assert set(family) == {1, 2}


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 17, 64, 65, 1000])
def test_shuffle_permutes_and_keys_give_different_orders(size):
    index, sizes = np.arange(size), np.full(size, size)
    orders = [shuffle(index, sizes, np.full(size, key, np.uint64)) for key in (1, 2)]
    for order in orders:
        np.testing.assert_array_equal(np.sort(order), index)
    if size >= 17:
        assert (orders[0] != orders[1]).any()
        assert (orders[0] != index).any()


def test_shuffled_places_are_spread_evenly():
    """Mean place of each index over many keys: chi-square at a rate of 1e-3."""
    size, keys = 50, 2000
    index = np.zeros(keys, int)
    places = shuffle(index, np.full(keys, size), np.arange(keys, dtype=np.uint64))
    counts = np.bincount(places, minlength=size)
    chi2 = ((counts - keys / size) ** 2 / (keys / size)).sum()
    assert chi2 < 85.35  # 99.9 % quantile with 49 degrees of freedom


def small_tokens() -> Tokens:
    length = np.array([101, 260])
    return Tokens(
        stream=np.arange(361, dtype=np.uint16),
        document_length=length,
        start=np.array([0, 101]),
        length=length,
    )


def test_an_epoch_visits_every_window_of_a_family_once():
    tokens, p = small_tokens(), np.array([0.25, 0.75])
    windows = count_windows(tokens.length, 10)
    starts = window_starts(tokens, p, entropy=5, context=10, start=0, stop=400)
    family, _ = family_order(p, 0, 400)
    for i in range(2):
        own = starts[family == i] - tokens.start[i]
        for epoch in range(len(own) // windows[i]):
            visited = own[epoch * windows[i] : (epoch + 1) * windows[i]]
            np.testing.assert_array_equal(np.sort(visited // 10), np.arange(windows[i]))


def test_windows_stay_inside_their_family():
    tokens, p = small_tokens(), np.array([0.5, 0.5])
    starts = window_starts(tokens, p, entropy=3, context=10, start=0, stop=3000)
    family, _ = family_order(p, 0, 3000)
    assert (starts >= tokens.start[family]).all()
    assert (starts + 10 < (tokens.start + tokens.length)[family]).all()


def test_data_are_a_pure_function_of_entropy_and_step():
    tokens, p = small_tokens(), np.array([0.3, 0.7])
    whole = window_starts(tokens, p, entropy=7, context=10, start=0, stop=200)
    part = window_starts(tokens, p, entropy=7, context=10, start=120, stop=200)
    other = window_starts(tokens, p, entropy=8, context=10, start=0, stop=200)
    np.testing.assert_array_equal(whole[120:], part)
    assert (whole != other).any()


def test_the_corpus_holds_bytes_and_one_separator_per_document():
    families = ("germanic", "sino_tibetan")
    corpus = load_corpus(CorpusConfig(families=families), TokenizerConfig())
    for tokens in (corpus.train, corpus.held_out):
        assert tokens.stream.dtype == np.uint16
        assert tokens.stream.max() == 256
        assert np.sum(tokens.stream == 256) == tokens.document.max() + 1
        assert tokens.length.sum() == len(tokens.stream)
        assert (tokens.stream[np.cumsum(tokens.document_length)[:-1]] == 256).all()
        np.testing.assert_array_equal(tokens.stream[tokens.start], [256, 256])
