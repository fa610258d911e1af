"""The shipped sample: what is in it, how it is split, and that nothing leaks."""

import importlib.resources

import pytest

from bayeslaw.corpora.leakage import exact_line, masked_line, masked_shape
from bayeslaw.corpora.sample import (
    read_sample,
    read_sample_pairs,
    sample_families,
)
from bayeslaw.corpora.source import Document
from bayeslaw.corpora.split import line_keys, split_documents
from bayeslaw.errors import InputError

FAMILIES = ("germanic", "indic", "romance", "sino_tibetan", "slavic")


@pytest.fixture(scope="module")
def documents():
    return read_sample(FAMILIES)


@pytest.fixture(scope="module")
def split(documents):
    return split_documents(documents, held_out_share=0.1, line_key=exact_line)


def test_the_sample_is_package_data_with_its_licences():
    folder = importlib.resources.files("bayeslaw.corpora") / "sample"
    assert "Licences" in (folder / "README.md").read_text(encoding="utf-8")
    assert sample_families() == FAMILIES
    for family in FAMILIES:
        assert any(f.name.endswith(".txt.gz") for f in (folder / family).iterdir())


def test_every_family_has_all_its_languages_throughout(documents):
    for members in documents.values():
        languages = {document.language for document in members}
        assert len(languages) in (3, 4)
        quarter = len(members) // 4
        for start in range(0, len(members) - quarter, quarter):
            part = members[start : start + quarter]
            assert {document.language for document in part} == languages


def test_an_unknown_family_is_named_with_the_known_ones():
    with pytest.raises(InputError, match="martian") as caught:
        read_sample(["germanic", "martian"])
    assert "sino_tibetan" in str(caught.value)


def test_about_a_tenth_is_held_out_and_enough_of_it(split):
    for family in FAMILIES:
        held_out = sum(len(d.text.encode()) for d in split.held_out[family])
        train = sum(len(d.text.encode()) for d in split.train[family])
        assert held_out > 60_000
        assert 0.05 < held_out / (held_out + train) < 0.15


def test_a_document_is_held_out_in_every_language_or_in_none(documents, split):
    held_out = {d.name for ds in split.held_out.values() for d in ds}
    train = {d.name for ds in split.train.values() for d in ds}
    assert not held_out & train
    assert len({d.language for ds in documents.values() for d in ds}) == 19


def test_no_held_out_document_or_long_line_stands_in_the_training_text(split):
    train = [d for ds in split.train.values() for d in ds]
    train_texts, train_lines = {d.text for d in train}, line_keys(train, exact_line)
    for members in split.held_out.values():
        assert not train_lines & line_keys(members, exact_line)
        assert not train_texts & {document.text for document in members}


def test_dropped_lines_are_counted(documents, split):
    assert split.dropped_lines == {
        "germanic": 12,
        "indic": 0,
        "romance": 32,
        "sino_tibetan": 0,
        "slavic": 0,
    }


def documents_with(line_of_a: str, line_of_b: str) -> dict[str, list[Document]]:
    """Two families of 200 documents; each document has one line planted."""
    return {
        "a": [
            Document("x", f"n{i}", f"text {i} of a\n{line_of_a}") for i in range(200)
        ],
        "b": [Document("y", f"n{i}", f"{line_of_b}\nshort") for i in range(200)],
    }


def test_a_line_held_out_in_one_family_is_dropped_from_another():
    line = "a sentence of more than forty characters, in two families"
    split = split_documents(
        documents_with(line, line), held_out_share=0.1, line_key=exact_line
    )
    assert all(line not in d.text for ds in split.train.values() for d in ds)
    assert split.dropped_lines["b"] == len(split.train["b"]) > 150
    assert split.dropped["b", "y"] == split.dropped_lines["b"]


@pytest.mark.parametrize(
    ("line_key", "finds"), [(masked_line, True), (exact_line, False)]
)
def test_a_planted_near_copy_is_found_by_its_shape_and_not_by_its_letters(
    line_key, finds
):
    one = "version 2.1 of libfoo-dev needs 300 MB of space on the disk"
    other = "Version 3.0 of libbar-dev  needs 12 MB of space on the disk"
    planted = documents_with(one, other)
    held_out = split_documents(planted, held_out_share=0.1).held_out["b"]
    # Family b has its line in training documents only, a also in held-out ones.
    planted["b"] = [d for d in planted["b"] if d not in held_out]
    split = split_documents(planted, held_out_share=0.1, line_key=line_key)
    assert split.dropped_lines["b"] == (len(planted["b"]) if finds else 0)
    assert split.dropped_lines["a"] == len(split.train["a"])


def test_numbers_and_identifiers_do_not_change_the_shape_of_a_line():
    assert masked_shape("Removes libfoo-2 and 3 files") == "removes # and # files"
    assert masked_shape("使用文件 foo_bar.txt 打开") == masked_shape(
        "使用文件 x_1 打开"
    )
    assert masked_shape("two words") != masked_shape("two birds")


def test_short_lines_are_no_leaks_and_length_is_that_of_the_text():
    assert masked_line("Open a file") == exact_line("Open a file") == ""
    # Fourteen Chinese characters are a sentence; they have 42 bytes.
    assert masked_line("这是一个关于语言模型的长句子") != ""


def test_the_order_of_the_documents_does_not_change_the_split(documents):
    backwards = {family: ds[::-1] for family, ds in documents.items()}
    one, other = (
        split_documents(d, held_out_share=0.1) for d in (documents, backwards)
    )
    for family in FAMILIES:
        assert {(d.language, d.name) for d in one.held_out[family]} == {
            (d.language, d.name) for d in other.held_out[family]
        }


def test_the_sample_has_pairs_of_three_languages_with_their_licences():
    folder = importlib.resources.files("bayeslaw.corpora") / "sample_parallel"
    assert "Licences" in (folder / "README.md").read_text(encoding="utf-8")
    pairs = read_sample_pairs()
    assert {name: len(sets.train) for name, sets in pairs.items()} == {
        "de": 4000,
        "fr": 4000,
        "ro": 4000,
    }
    assert [len(pairs["de"].dev), len(pairs["de"].test)] == [382, 383]
    trained = {pair.english for pair in pairs["de"].train}
    assert not trained & {pair.english for pair in pairs["de"].test}
