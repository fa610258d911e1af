"""The shipped sample: what is in it, how it is split, and that nothing leaks."""

import importlib.resources

import pytest

from bayeslaw.corpora.sample import read_sample, sample_families
from bayeslaw.corpora.source import Document, long_lines, split_documents
from bayeslaw.errors import InputError

FAMILIES = ("germanic", "indic", "romance", "sino_tibetan", "slavic")


@pytest.fixture(scope="module")
def documents():
    return read_sample(FAMILIES)


@pytest.fixture(scope="module")
def split(documents):
    return split_documents(documents, held_out_share=0.1)


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


def test_the_same_positions_are_held_out_in_every_language(documents, split):
    held_out = {d.position for ds in split.held_out.values() for d in ds}
    train = {d.position for ds in split.train.values() for d in ds}
    assert not held_out & train
    assert len({d.language for ds in documents.values() for d in ds}) == 19


def test_no_held_out_document_or_long_line_stands_in_the_training_text(split):
    train_texts = {d.text for ds in split.train.values() for d in ds}
    train_lines = {
        line for ds in split.train.values() for d in ds for line in long_lines(d)
    }
    for members in split.held_out.values():
        for document in members:
            assert document.text not in train_texts
            assert not train_lines & set(long_lines(document))


def test_dropped_lines_are_counted(documents, split):
    assert split.dropped_lines == {
        "germanic": 12,
        "indic": 0,
        "romance": 32,
        "sino_tibetan": 0,
        "slavic": 0,
    }


def test_a_line_held_out_in_one_family_is_dropped_from_another():
    line = "a sentence of more than forty characters, in two families"
    everything = {
        "a": [Document("x", i, f"text {i} of a\n{line}") for i in range(200)],
        "b": [Document("y", i, f"{line}\nshort") for i in range(200)],
    }
    split = split_documents(everything, held_out_share=0.1)
    assert all(line not in d.text for ds in split.train.values() for d in ds)
    assert split.dropped_lines["b"] == len(split.train["b"]) > 150
