"""The verbs for corpora: what they print, what they refuse."""

import json

import pytest
from corpus_folders import write_texts
from helpers import assert_five_parts

from bayeslaw.cli.corpora import default_cache


@pytest.fixture
def built(tmp_path, bayeslaw_command):
    """A corpus of small texts, and what building it printed."""
    texts, folder = write_texts(tmp_path / "texts"), tmp_path / "corpus"
    words = ("corpora", "build", f"local:{texts}", "-o", folder, "--vocabulary", "400")
    status, out, err = bayeslaw_command(*words, "--cache", tmp_path / "cache")
    assert status == 0, err
    return folder, out, err


def test_a_built_corpus_is_shown_as_it_was_printed(built, bayeslaw_command):
    folder, printed, progress = built
    status, out, err = bayeslaw_command("corpora", "show", folder)
    assert (status, out, err) == (0, printed, "")
    digest = json.loads((folder / "corpus.json").read_text())["digest"]
    said = " ".join(out.split())
    for word in ("germanic", "indic", "held out", "dropped", digest, "Licences"):
        assert word in said
    assert "vocabulary" in progress


def test_json_is_the_manifest(built, bayeslaw_command):
    folder, _, _ = built
    status, out, err = bayeslaw_command("corpora", "show", folder, "--json")
    assert (status, err) == (0, "")
    assert json.loads(out) == json.loads((folder / "corpus.json").read_text())


def test_building_in_json_says_nothing_but_the_manifest(tmp_path, bayeslaw_command):
    words = ["corpora", "build", "sample:", "-o", tmp_path / "c", "--families", "indic"]
    words += ["--languages", "hi, gu", "--tokenizer", "bytes", "--json"]
    status, out, err = bayeslaw_command(*words)
    assert (status, err) == (0, "")
    manifest = json.loads(out)
    assert [size["language"] for size in manifest["sizes"]] == ["gu", "hi"]
    assert manifest["tokenizer"]["name"] == "bytes"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing:"], "nothing:"),
        (["sample:", "--families", "indic,,slavic"], "indic,,slavic"),
        (["sample:", "--languages", "de,de"], "de,de"),
        (["sample:", "--held-out-share", "1.5"], "1.5"),
        (["sample:", "--vocabulary", "9"], "--vocabulary"),
        (["sample:", "--genre", "help"], "--genre"),
        (["local:none"], "local:none"),
        (["hf:owner/name"], "hf:"),
    ],
)
def test_wrong_words_are_refused_in_five_parts(tmp_path, bayeslaw_command, words, said):
    output = ("-o", tmp_path / "corpus", "--json")
    status, out, err = bayeslaw_command("corpora", "build", *words, *output)
    assert (status, err) == (1, "")
    error = json.loads(out)["error"]
    assert_five_parts(error)
    assert said in error
    assert not (tmp_path / "corpus").exists()


def test_a_folder_without_a_corpus_cannot_be_shown(tmp_path, bayeslaw_command):
    status, out, err = bayeslaw_command("corpora", "show", tmp_path)
    assert (status, out) == (1, "")
    assert_five_parts(err)


def test_the_help_lists_both_verbs(bayeslaw_command):
    status, out, _ = bayeslaw_command("corpora", "--help")
    assert status == 0
    assert "build" in out
    assert "show" in out
    status, out, _ = bayeslaw_command("corpora", "build", "--help")
    for option in ("--families", "--languages", "--genre", "--tokenizer", "--cache"):
        assert option in out


def test_what_is_fetched_is_kept_in_the_cache_of_the_user(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "bayeslaw" / "corpora"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache().parts[-3:] == (".cache", "bayeslaw", "corpora")
