"""Data sets of the hub, read from a stand-in, and from the library where it is here."""

import importlib.util
import json
import sys
import types

import pytest
from corpus_folders import build, rotated

from bayeslaw.corpora.hub import DataSet, read_mapping
from bayeslaw.corpora.manifest import read_manifest
from bayeslaw.errors import InputError

MAPPING = """
[families.germanic]
de = "2023.de"
nl = "2023.nl"
[families.indic]
hi = "2023.hi"
"""
CONFIGURATIONS = ("2023.de", "2023.nl", "2023.hi")
ROWS = 300
WORDS = "Every row of {} has its own order of these few words here"


def rows(configuration):
    words = WORDS.format(configuration[-2:])
    for n in range(ROWS):
        yield {"id": f"page {n}", "text": rotated(words, n)}


@pytest.fixture
def hub(monkeypatch):
    """Replaces the libraries; what was asked of them, and rows that can be changed."""
    asked, served = [], {name: list(rows(name)) for name in CONFIGURATIONS}

    def load_dataset(name, configuration, **options):
        asked.append((name, configuration, options))
        if configuration not in served:
            raise ValueError(f"BuilderConfig '{configuration}' not found.")
        return iter(served[configuration])

    class HfApi:
        def dataset_info(self, name, revision):
            if "/" not in name:
                raise OSError("404 Client Error")
            return types.SimpleNamespace(sha=f"commit-of-{revision}")

    modules = {
        "datasets": types.SimpleNamespace(load_dataset=load_dataset),
        "huggingface_hub": types.SimpleNamespace(HfApi=HfApi),
    }
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return types.SimpleNamespace(asked=asked, served=served)


@pytest.fixture
def mapping(tmp_path):
    path = tmp_path / "mapping.toml"
    path.write_text(MAPPING)
    return path


def test_a_data_set_is_streamed_at_a_commit_and_recorded(hub, mapping, tmp_path):
    source = "hf:owner/wiki@v2:validation"
    manifest = build(source, tmp_path / "corpus", mapping=mapping)
    options = {"split": "validation", "revision": "commit-of-v2", "streaming": True}
    assert hub.asked == [("owner/wiki", name, options) for name in CONFIGURATIONS]
    assert manifest.source == source
    assert manifest.origin[0] == {
        "data set": "owner/wiki",
        "revision": "commit-of-v2",
        "split": "validation",
        "language": "de",
        "configuration": "2023.de",
        "documents": str(ROWS),
        "empty rows": "0",
    }
    assert manifest == read_manifest(tmp_path / "corpus")
    assert {(s.train_documents, s.held_out_documents) for s in manifest.sizes} == {
        (manifest.sizes[0].train_documents, manifest.sizes[0].held_out_documents)
    }


def test_the_cap_is_one_of_each_family_shared_by_its_languages(hub, mapping, tmp_path):
    manifest = build(
        "hf:owner/wiki", tmp_path / "corpus", mapping=mapping, max_bytes=8000
    )
    size = {s.language: s.train_bytes + s.held_out_bytes for s in manifest.sizes}
    longest = max(len(row["text"]) for row in rows("2023.hi"))
    assert 4000 <= size["de"] < 4000 + longest
    assert 4000 <= size["nl"] < 4000 + longest
    assert 8000 <= size["hi"] < 8000 + longest


def test_no_more_rows_are_asked_for_than_are_used(hub, mapping, tmp_path):
    hub.served["2023.hi"] = endless = iter(list(rows("2023.hi")))
    build("hf:owner/wiki", tmp_path / "corpus", mapping=mapping, max_bytes=8000)
    assert next(endless)


def test_the_fields_of_text_and_name_can_be_named(hub, mapping, tmp_path):
    mapping.write_text('text = "content"\nid = "url"\n' + MAPPING)
    for name in CONFIGURATIONS:
        hub.served[name] = [{"content": r["text"], "url": r["id"]} for r in rows(name)]
    renamed = build("hf:owner/wiki", tmp_path / "a", mapping=mapping)
    mapping.write_text(MAPPING)
    hub.served.update({name: list(rows(name)) for name in CONFIGURATIONS})
    assert build("hf:owner/wiki", tmp_path / "b", mapping=mapping) == renamed


def test_empty_rows_are_counted_and_rows_without_text_are_refused(
    hub, mapping, tmp_path
):
    hub.served["2023.de"][5:7] = [{"text": ""}, {"text": ""}]
    manifest = build("hf:owner/wiki", tmp_path / "corpus", mapping=mapping)
    assert manifest.origin[0]["empty rows"] == "2"
    hub.served["2023.de"][9] = {"body": "x"}
    with pytest.raises(InputError, match=r"2023\.de, row 9") as caught:
        build("hf:owner/wiki", tmp_path / "corpus", mapping=mapping)
    assert "fields body" in str(caught.value)


@pytest.mark.parametrize(
    ("source", "options", "words"),
    [
        ("hf:wiki", {}, ["cannot be found", "hf:wiki", "404"]),
        ("hf:o/wiki", {"families": ("martian",)}, ["no family martian"]),
        ("hf:o/wiki", {"languages": ("de",)}, ["no language of indic"]),
        ("hf:o/wiki", {"mapping": None}, ["--mapping", "[families.germanic]"]),
    ],
)
def test_names_that_do_not_fit_are_refused(
    hub, mapping, tmp_path, source, options, words
):
    with pytest.raises(InputError) as caught:
        build(source, tmp_path / "corpus", **({"mapping": mapping} | options))
    for word in ("where:", "got:", "expected:", "fix:", *words):
        assert word in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "families = 3", "[families.a]\nde = 3", "odd = 1\n" + MAPPING, "["]
)
def test_a_wrong_mapping_is_refused(tmp_path, text):
    path = tmp_path / "mapping.toml"
    path.write_text(text)
    with pytest.raises(InputError, match="no mapping") as caught:
        read_mapping(path)
    assert str(path) in str(caught.value)


def test_a_configuration_that_the_data_set_lacks_is_refused(hub, mapping, tmp_path):
    del hub.served["2023.hi"]
    with pytest.raises(InputError, match="cannot be read") as caught:
        build("hf:owner/wiki", tmp_path / "corpus", mapping=mapping)
    assert "BuilderConfig '2023.hi' not found" in str(caught.value)


def test_without_the_library_the_extra_is_named(mapping, tmp_path, monkeypatch):
    for name in ("datasets", "huggingface_hub"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match="is not installed") as caught:
        build("hf:owner/wiki", tmp_path / "corpus", mapping=mapping)
    assert "bayeslaw[hf]" in str(caught.value)


def test_sources_are_read_as_name_revision_and_split():
    assert DataSet.parse("a/b") == DataSet("a/b", None, "train")
    assert DataSet.parse("a/b@c:d") == DataSet("a/b", "c", "d")
    assert DataSet.parse("a/b:d") == DataSet("a/b", None, "d")


@pytest.mark.skipif(
    importlib.util.find_spec("datasets") is None,
    reason="needs the extra `hf` (datasets)",
)
def test_the_library_reads_a_folder_of_json_lines(tmp_path):
    for name in CONFIGURATIONS:
        folder = tmp_path / "data" / name
        folder.mkdir(parents=True)
        lines = "".join(json.dumps(row) + "\n" for row in rows(name))
        (folder / "train.jsonl").write_text(lines, encoding="utf-8")
    header = "".join(
        f"- config_name: {name}\n  data_files: {name}/train.jsonl\n"
        for name in CONFIGURATIONS
    )
    card = f"---\nconfigs:\n{header}---\n"
    (tmp_path / "data" / "README.md").write_text(card)
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(MAPPING)
    manifest = build(f"hf:{tmp_path / 'data'}", tmp_path / "corpus", mapping=mapping)
    assert [entry["documents"] for entry in manifest.origin] == [str(ROWS)] * 3
    assert {entry["revision"] for entry in manifest.origin} == {"local"}
    assert str(tmp_path) not in (tmp_path / "corpus" / "corpus.json").read_text()
