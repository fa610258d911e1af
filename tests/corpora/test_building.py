"""Built corpora: what lies in the folder, that it is whole, and always the same."""

import json
import shutil

import numpy as np
import pytest
from corpus_folders import DOCUMENTS, build, write_texts

import bayeslaw.corpora.building as building
from bayeslaw.corpora.folder import read_corpus, verify
from bayeslaw.corpora.leakage import masked_line
from bayeslaw.corpora.manifest import read_manifest
from bayeslaw.corpora.pairs import Pair, PairSets, read_pair_sets, write_pair_sets
from bayeslaw.corpora.sample import read_sample_pairs
from bayeslaw.corpora.sources import source_name
from bayeslaw.corpora.tokenizer import PieceTokenizer
from bayeslaw.errors import InputError
from bayeslaw.proxy.study.config import CorpusConfig, TokenizerConfig
from bayeslaw.proxy.training.batches import load_corpus


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    return write_texts(tmp_path_factory.mktemp("texts"))


@pytest.fixture(scope="module")
def pieces(texts):
    """A corpus of sentencepiece tokens."""
    folder = texts.parent / "pieces"
    build(f"local:{texts}", folder, kind="sentencepiece")
    return folder


def texts_of(folder, side):
    """Text of each document of a side, by the tokens on disk."""
    coder = PieceTokenizer((folder / "tokenizer.model").read_bytes())
    tokens = getattr(read_corpus(folder, digest=read_manifest(folder).digest), side)
    ends = np.cumsum(tokens.document_length)
    parts = np.split(tokens.stream, ends[:-1])
    assert {int(part[0]) for part in parts} == {coder.separator}
    return [coder.decode(part).decode() for part in parts]


def test_the_tokens_are_the_documents_each_on_one_side(texts, pieces):
    written = [
        block
        for path in texts.glob("*/*.txt")
        for block in path.read_text(encoding="utf-8").strip().split("\n\n")
    ]
    read = texts_of(pieces, "train") + texts_of(pieces, "held_out")
    assert sorted(read) == sorted(written)


def test_sizes_are_those_of_the_arrays_and_of_the_texts(texts, pieces):
    manifest = read_manifest(pieces)
    corpus = read_corpus(pieces, digest=manifest.digest)
    by_language = {size.language: size for size in manifest.sizes}
    for path in texts.glob("*/*.txt"):
        size = by_language[path.stem]
        assert size.family == path.parent.name
        assert size.train_documents + size.held_out_documents == DOCUMENTS
        blocks = path.read_text(encoding="utf-8").strip().split("\n\n")
        total = sum(len(block.encode()) for block in blocks)
        assert size.train_bytes + size.held_out_bytes == total
    for number, family in enumerate(manifest.families):
        members = [size for size in manifest.sizes if size.family == family]
        assert corpus.train.length[number] == sum(s.train_tokens for s in members)
        assert corpus.held_out.length[number] == sum(s.held_out_tokens for s in members)
        start = corpus.train.start[number]
        part = corpus.train.stream[start : start + corpus.train.length[number]]
        assert corpus.bytes_per_token[part].sum() == sum(s.train_bytes for s in members)
    assert corpus.tokenizer == manifest.tokenizer.name == "sentencepiece-400"
    assert corpus.train.stream.dtype == np.uint16


def test_documents_of_one_name_lie_on_one_side_in_all_languages(pieces):
    sides = [
        {text.split(".")[0] for text in texts_of(pieces, side)}
        for side in ("train", "held_out")
    ]
    assert sides[0] | sides[1] == {str(n) for n in range(DOCUMENTS)}
    assert not sides[0] & sides[1]


def test_a_leak_planted_in_the_texts_is_dropped_and_counted(tmp_path):
    write_texts(tmp_path / "texts")
    line = "Version {} of this program needs {} megabytes of free space on the disk"
    for path in (tmp_path / "texts").glob("*/*.txt"):
        blocks = path.read_text(encoding="utf-8").strip().split("\n\n")
        planted = [f"{b}\n{line.format(n, 3 * n)}" for n, b in enumerate(blocks)]
        path.write_text("\n\n".join(planted), encoding="utf-8")
    folder = tmp_path / "corpus"
    manifest = build(f"local:{tmp_path / 'texts'}", folder, kind="sentencepiece")
    train, held_out = texts_of(folder, "train"), texts_of(folder, "held_out")
    assert all("megabytes" in text for text in held_out)
    assert not any("megabytes" in text for text in train)
    assert [size.dropped_lines for size in manifest.sizes] == [
        size.train_documents for size in manifest.sizes
    ]
    keys = [
        {masked_line(x) for t in ts for x in t.split("\n")} for ts in (train, held_out)
    ]
    assert keys[0] & keys[1] == {""}


def test_the_same_text_builds_the_same_bytes_wherever_it_lies(texts, pieces, tmp_path):
    shutil.copytree(texts, tmp_path / "elsewhere")
    folder = tmp_path / "again"
    build(f"local:{tmp_path / 'elsewhere'}", folder, kind="sentencepiece")
    names = sorted(path.name for path in pieces.iterdir() if path.is_file())
    assert names == [
        "corpus.json",
        "documents.npz",
        "held_out.npy",
        "tokenizer.model",
        "train.npy",
    ]
    for name in names:
        assert (folder / name).read_bytes() == (pieces / name).read_bytes(), name


def test_other_text_or_another_split_has_another_digest(texts, pieces, tmp_path):
    digests = {
        build(f"local:{texts}", tmp_path / str(n), kind=kind, share=share).digest
        for n, (kind, share) in enumerate(
            [("sentencepiece", 0.1), ("sentencepiece", 0.2), ("bytes", 0.1)]
        )
    }
    assert len(digests) == 3
    assert read_manifest(pieces).digest in digests


def test_the_built_sample_has_the_tokens_that_training_reads_without_building(tmp_path):
    families = ("germanic", "sino_tibetan")
    manifest = build("sample:", tmp_path / "corpus", families=families)
    built = read_corpus(tmp_path / "corpus", digest=manifest.digest)
    direct = load_corpus(CorpusConfig(families=families), TokenizerConfig())
    for one, other in ((built.train, direct.train), (built.held_out, direct.held_out)):
        for field in ("stream", "document_length", "start", "length"):
            np.testing.assert_array_equal(getattr(one, field), getattr(other, field))
    assert built.eval_set == direct.eval_set
    assert built.dropped_lines == direct.dropped_lines
    np.testing.assert_array_equal(built.bytes_per_token, direct.bytes_per_token)
    pairs = read_pair_sets(tmp_path / "corpus" / "parallel")
    assert list(pairs) == ["de"]
    assert pairs["de"].train == read_sample_pairs()["de"].train
    assert 100 < len(pairs["de"].test) < 383
    (size,) = manifest.pairs
    assert size.dropped == 382 + 383 - size.dev - size.test


def test_a_test_pair_that_stands_in_the_training_text_is_dropped(tmp_path):
    folder = write_texts(tmp_path / "texts")
    german = (folder / "germanic" / "de.txt").read_text(encoding="utf-8")
    line = german.split("\n")[0]
    pairs = PairSets(
        [Pair("Something else is trained on here.", "Etwas anderes.", "")],
        [],
        [Pair("Five English words stand here", line, ""), Pair("Quite new", "Neu", "")],
    )
    write_pair_sets(folder / "parallel", {"de": pairs})
    manifest = build(f"local:{folder}", tmp_path / "corpus")
    assert (manifest.pairs[0].test, manifest.pairs[0].dropped) == (1, 1)


def test_some_families_of_a_corpus_can_be_read_in_another_order(pieces):
    digest = read_manifest(pieces).digest
    whole = read_corpus(pieces, digest=digest)
    part = read_corpus(pieces, digest=digest, families=("indic", "germanic"))
    assert whole.families == ("germanic", "indic")
    assert part.families == ("indic", "germanic")
    np.testing.assert_array_equal(part.train.length, whole.train.length[::-1])
    np.testing.assert_array_equal(part.held_out.start, whole.held_out.start[::-1])
    with pytest.raises(InputError, match="martian"):
        read_corpus(pieces, digest=digest, families=("martian",))


def test_a_build_that_fails_leaves_what_was_there(texts, tmp_path, monkeypatch):
    folder = tmp_path / "corpus"
    first = build(f"local:{texts}", folder)

    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(building, "write_pair_sets", fail)
    with pytest.raises(KeyboardInterrupt):
        build(f"local:{texts}", folder, share=0.3)
    assert verify(folder) == first
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]
    monkeypatch.undo()
    assert build(f"local:{texts}", folder, share=0.3) == verify(folder) != first


def test_nothing_but_a_corpus_is_replaced(texts, tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("keep")
    for place in ("notes", "notes/mine.txt"):
        with pytest.raises(InputError, match="exists and is not a corpus"):
            build(f"local:{texts}", tmp_path / place)
    assert (tmp_path / "notes" / "mine.txt").read_text() == "keep"


@pytest.mark.parametrize("name", ["train.npy", "documents.npz", "tokenizer.model"])
def test_a_changed_file_is_found(pieces, tmp_path, name):
    folder = shutil.copytree(pieces, tmp_path / "copy")
    verify(folder)
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        verify(folder)


def test_a_shortened_array_is_refused_when_it_is_read(pieces, tmp_path):
    folder = shutil.copytree(pieces, tmp_path / "copy")
    digest = read_manifest(folder).digest
    np.save(folder / "train.npy", np.zeros(5, np.uint16))
    with pytest.raises(InputError, match=r"train\.npy"):
        read_corpus(folder, digest=digest)
    (folder / "train.npy").unlink()
    with pytest.raises(InputError, match=r"train\.npy"):
        read_corpus(folder, digest=digest)
    (folder / "documents.npz").write_bytes(b"PK")
    with pytest.raises(InputError, match=r"documents\.npz"):
        read_corpus(folder, digest=digest)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 99}, ["99", "another format"]),
        ({"sizes": "many"}, ["sizes", "many"]),
        ({"surprise": 1}, ["surprise"]),
    ],
)
def test_a_wrong_manifest_is_refused(pieces, tmp_path, change, words):
    content = json.loads((pieces / "corpus.json").read_text(encoding="utf-8"))
    (tmp_path / "corpus.json").write_text(json.dumps(content | change))
    with pytest.raises(InputError) as caught:
        read_manifest(tmp_path)
    assert [word for word in words if word not in str(caught.value)] == []


def test_a_folder_without_a_corpus_is_refused(tmp_path):
    with pytest.raises(InputError, match="no built corpus"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    ("source", "options", "words"),
    [
        ("samples:", {}, ["samples:", "local:PATH"]),
        ("local", {}, ["local"]),
        ("local:", {}, ["local:"]),
        ("debian:bookworm", {}, ["debian:bookworm"]),
        ("sample:", {"genre": "help"}, ["--genre", "debian:"]),
        ("sample:", {"max_bytes": 5}, ["--max-bytes", "hf:"]),
        ("sample:", {"families": ("martian",)}, ["martian", "germanic"]),
    ],
)
def test_a_wrong_source_or_option_is_refused(tmp_path, source, options, words):
    with pytest.raises(InputError) as caught:
        build(source, tmp_path / "corpus", **options)
    assert [word for word in words if word not in str(caught.value)] == []
    assert not (tmp_path / "corpus").exists()


def test_too_little_text_to_hold_any_out_is_refused(tmp_path):
    write_texts(tmp_path / "texts", documents=1)
    with pytest.raises(InputError, match="without held-out text"):
        build(f"local:{tmp_path / 'texts'}", tmp_path / "corpus")


def test_names_of_sources_hold_no_path_of_the_machine(tmp_path):
    assert source_name(f"local:{tmp_path}") == "local:"
    assert source_name(f"hf:{tmp_path}") == "hf:"
    assert source_name("hf:owner/name@main:train") == "hf:owner/name@main:train"
    assert source_name("debian:") == "debian:"


def test_by_language_every_language_is_a_part_of_the_mixture(texts, pieces, tmp_path):
    build(f"local:{texts}", tmp_path / "c", kind="sentencepiece", by="language")
    manifest, families = read_manifest(tmp_path / "c"), read_manifest(pieces)
    assert manifest.families == tuple(size.language for size in families.sizes)
    corpus = read_corpus(tmp_path / "c", digest=manifest.digest)
    for number, size in enumerate(families.sizes):
        start = corpus.train.start[number]
        part = corpus.train.stream[start : start + corpus.train.length[number]]
        assert corpus.bytes_per_token[part].sum() == size.train_bytes
