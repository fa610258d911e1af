"""The user's own texts: what is read, how documents are named, what is refused."""

import gzip
import json

import pandas as pd
import pytest

from bayeslaw.corpora.local import read_local
from bayeslaw.corpora.pairs import Pair, PairSets, write_pair_sets
from bayeslaw.corpora.text_files import SHOWN, read_documents
from bayeslaw.errors import InputError, InputErrors

ROWS = [{"text": "one\ntwo", "id": "a"}, {"text": "three", "id": 7}, {"text": "four"}]
NAMES = ["a", "7", "document 2"]


def write_jsonl(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_json_lines_and_parquet_give_the_same_documents(tmp_path):
    jsonl = write_jsonl(tmp_path / "de.jsonl", ROWS)
    table = pd.DataFrame(ROWS).assign(id=["a", "7", None], more=1)
    table.to_parquet(tmp_path / "de.parquet")
    packed = tmp_path / "de.jsonl.gz"
    packed.write_bytes(gzip.compress(jsonl.read_bytes()))
    found = [read_documents(p, "de") for p in (jsonl, tmp_path / "de.parquet", packed)]
    assert found[0] == found[1] == found[2]
    assert [d.name for d in found[0]] == NAMES
    assert [d.text for d in found[0]] == [row["text"] for row in ROWS]


def test_text_files_have_blank_lines_between_documents(tmp_path):
    path = tmp_path / "de.txt"
    path.write_bytes("\n\nerste\r\nzweite\r\n \t \n\ndritte ä".encode())
    found = read_documents(path, "de", prefix="x ")
    assert [(d.name, d.text) for d in found] == [
        ("x document 0", "erste\nzweite"),
        ("x document 1", "dritte ä"),
    ]


def test_a_language_may_have_several_files_whose_names_are_those_of_documents(
    tmp_path,
):
    for language in ("de", "nl"):
        for name in ("one", "two"):
            write_jsonl(
                tmp_path / "germanic" / language / f"{name}.jsonl",
                [{"text": f"{language} {name}"}],
            )
    write_jsonl(tmp_path / "germanic" / "en.jsonl", [{"text": "alone", "id": "x"}])
    (tmp_path / "README.md").write_text("not read")
    (tmp_path / ".hidden").mkdir()
    text = read_local(tmp_path)
    names = {(d.language, d.name) for d in text.documents["germanic"]}
    assert names == {
        (language, f"{name} document 0")
        for language in ("de", "nl")
        for name in ("one", "two")
    } | {("en", "x")}
    assert [entry["file"] for entry in text.origin] == [
        "germanic/de/one.jsonl",
        "germanic/de/two.jsonl",
        "germanic/en.jsonl",
        "germanic/nl/one.jsonl",
        "germanic/nl/two.jsonl",
    ]


def test_families_and_languages_can_be_chosen(tmp_path):
    for place in ("a/x", "a/y", "b/z"):
        write_jsonl(tmp_path / f"{place}.jsonl", [{"text": place}])
    assert list(read_local(tmp_path, ["b", "a"]).documents) == ["b", "a"]
    only = read_local(tmp_path, ["a"], ["y"]).documents
    assert [d.text for d in only["a"]] == ["a/y"]


def test_pairs_beside_the_texts_are_read(tmp_path):
    write_jsonl(tmp_path / "germanic" / "de.jsonl", ROWS)
    pairs = PairSets([Pair("one", "eins", "mine")], [Pair("two", "zwei", "")], [])
    write_pair_sets(tmp_path / "parallel", {"de": pairs, "fr": pairs})
    assert read_local(tmp_path).pairs == {"de": pairs}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ('{"txt": "x"}', ["row 2", "fields txt", "`text`"]),
        ('{"text": 3}', ["row 2", "int"]),
        ('{"text": " "}', ["row 2", "empty"]),
        ('{"text": "x", "id": [1]}', ["row 2", "`id`", "list"]),
        ("[1, 2]", ["row 2", "not an object"]),
        ('{"text": "x"', ["row 2", "delimiter"]),
        ('{"text": "\\ud800"}', ["row 2", "U+D800"]),
    ],
)
def test_a_wrong_row_is_refused_with_file_and_row(tmp_path, row, words):
    path = tmp_path / "de.jsonl"
    path.write_text(f'{{"text": "good"}}\n{row}\n', encoding="utf-8")
    with pytest.raises(InputErrors) as caught:
        read_documents(path, "de")
    message = str(caught.value)
    for word in ("where:", "got:", "expected:", "fix:", str(path), *words):
        assert word in message


def test_all_wrong_rows_are_counted_and_the_first_are_named(tmp_path):
    path = write_jsonl(tmp_path / "de.jsonl", [{"text": ""}] * (SHOWN + 5))
    with pytest.raises(InputErrors, match="5 more rows") as caught:
        read_documents(path, "de")
    assert len(caught.value.errors) == SHOWN


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("de.csv", b"text", ["de.csv", ".jsonl"]),
        ("de.parquet.gz", b"", ["de.parquet.gz"]),
        ("de.txt", b"good\nb\xffd", ["de.txt", "byte 0xFF in row 2"]),
        ("de.txt", b" \n\n", ["has no documents"]),
        ("de.txt.gz", b"no gzip", ["de.txt.gz"]),
        ("de.parquet", b"no parquet", ["de.parquet"]),
    ],
)
def test_a_wrong_file_is_refused_in_five_parts(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_documents(path, "de")
    for word in ("where:", "got:", "expected:", "fix:", *words):
        assert word in str(caught.value)


def test_parquet_without_a_column_of_text_is_refused_with_its_columns(tmp_path):
    pd.DataFrame({"content": ["x"]}).to_parquet(tmp_path / "de.parquet")
    with pytest.raises(InputError, match="content"):
        read_documents(tmp_path / "de.parquet", "de")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((["martian"],), ["no family martian", "germanic"]),
        ((None, ["xx"]), ["no language xx", "de"]),
    ],
)
def test_unknown_families_and_languages_are_refused(tmp_path, arguments, words):
    write_jsonl(tmp_path / "germanic" / "de.jsonl", ROWS)
    with pytest.raises(InputError, match="texts not found") as caught:
        read_local(tmp_path, *arguments)
    assert [word for word in words if word not in str(caught.value)] == []


def test_a_missing_or_empty_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        read_local(tmp_path / "none")
    with pytest.raises(InputError, match="no families"):
        read_local(tmp_path)
    (tmp_path / "germanic").mkdir()
    with pytest.raises(InputError, match="no files for germanic"):
        read_local(tmp_path)
