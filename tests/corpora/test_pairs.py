"""Pairs: near-duplicates are found, dev and test are kept apart from training text."""

import gzip
import random

import pytest

from bayeslaw.corpora.pairs import (
    Pair,
    PairSets,
    keep_apart,
    read_pair_sets,
    shapes_tested,
    write_pair_sets,
)
from bayeslaw.corpora.similarity import NEAR, near_duplicates, word_pairs
from bayeslaw.errors import InputError

SENTENCE = "Click the button to open the list of all recent documents."


@pytest.mark.parametrize(
    ("other", "is_near"),
    [
        (SENTENCE, True),
        (SENTENCE.upper(), True),
        ("Click the icon to open the list of all recent documents.", True),
        (f"First save your work. {SENTENCE} Then close it.", True),
        ("Open the window and choose a document from there.", False),
        ("documents recent all of list the open to button the Click", False),
        ("", False),
    ],
)
def test_a_sentence_is_near_another_if_half_its_word_pairs_stand_there(other, is_near):
    assert near_duplicates([SENTENCE], [other]) == [is_near]


def test_numbers_and_identifiers_make_no_difference():
    one = "error in libfoo-2.1 at line 30 of file"
    other = "error in libbar-0.3 at line 7 of file"
    assert near_duplicates([one], [other], near=1.0) == [True]


def test_the_index_of_rare_word_pairs_misses_nothing():
    """Against a comparison of every candidate with every reference."""
    rng = random.Random(0)
    words = [f"w{chr(97 + n)}" for n in range(12)]
    sentences = [" ".join(rng.choices(words, k=rng.randint(1, 9))) for _ in range(300)]
    candidates, references = sentences[:100], sentences[100:]
    slow = [
        any(
            len(word_pairs(c) & word_pairs(r)) >= max(1, NEAR * len(word_pairs(c)))
            for r in references
        )
        for c in candidates
    ]
    assert near_duplicates(candidates, references) == slow
    assert 0.1 < sum(slow) / len(slow) < 0.9


def pair(english: str, other: str = "") -> Pair:
    return Pair(english, other or f"Übersetzung von {english}", "test")


TRAIN = [pair("Save the open document in another format."), pair("Delete all pages.")]
FRESH = pair("Horses graze behind our old wooden house.")


@pytest.mark.parametrize(
    "leak",
    [
        pair("Save the open document in a different format."),
        pair("Entirely other words stand here today.", TRAIN[0].other),
        pair("Seven lines of the corpus hold this sentence."),
        pair("Nothing alike at all in English.", "Diese Zeile steht im Text 1."),
    ],
    ids=["near English", "equal other", "English in the text", "other in the text"],
)
def test_a_planted_leak_is_dropped_from_dev_and_test_and_counted(leak):
    lines = {
        "en": {"seven lines of the corpus hold this sentence."},
        "de": {"diese zeile steht im text #"},
    }
    sets = {"de": PairSets(TRAIN, [leak, FRESH], [FRESH, leak])}
    kept = keep_apart(sets, lines)["de"]
    assert (kept.train, kept.dev, kept.test) == (TRAIN, [FRESH], [FRESH])
    assert kept.dropped == 2


def test_english_that_one_language_trains_on_is_tested_in_no_language():
    sets = {
        "de": PairSets(TRAIN, [], []),
        "fr": PairSets([], [pair(TRAIN[0].english, "Enregistrer le document.")], []),
    }
    lines = dict.fromkeys(shapes_tested(sets), frozenset())
    assert keep_apart(sets, lines)["fr"].dropped == 1


def test_the_limit_keeps_the_first_pairs_that_are_fresh():
    tested = [
        TRAIN[0],
        *(pair(f"{w} horses graze here.") for w in "Red Old Shy".split()),
    ]
    lines = {"en": frozenset(), "de": frozenset()}
    kept = keep_apart({"de": PairSets(TRAIN, tested, tested)}, lines, limit=2)["de"]
    assert kept.dev == kept.test == tested[1:3]


def test_pairs_written_are_read_again_and_equal_pairs_are_equal_bytes(tmp_path):
    sets = {"de": PairSets(TRAIN, [FRESH], [])}
    sizes = write_pair_sets(tmp_path / "a", sets)
    assert read_pair_sets(tmp_path / "a") == sets
    assert (sizes[0].train, sizes[0].dev, sizes[0].test) == (2, 1, 0)
    assert write_pair_sets(tmp_path / "b", sets) == sizes
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_a_wrong_file_of_pairs_is_refused_with_file_and_row(tmp_path):
    write_pair_sets(tmp_path / "p", {"de": PairSets(TRAIN, [FRESH], [])})
    path = tmp_path / "p" / "en-de.dev.tsv.gz"
    path.write_bytes(gzip.compress(b"one\ttwo\nalone\na\tb\tc\td\n"))
    with pytest.raises(InputError, match=r"en-de\.dev\.tsv\.gz, rows 2, 3"):
        read_pair_sets(tmp_path / "p")
    path.write_bytes(b"no gzip")
    with pytest.raises(InputError, match=r"en-de\.dev"):
        read_pair_sets(tmp_path / "p")
    path.unlink()
    with pytest.raises(InputError, match=r"en-de\.dev"):
        read_pair_sets(tmp_path / "p")
