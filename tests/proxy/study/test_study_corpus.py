"""Studies on a built corpus: which one it is, where it lies, and training on it."""

import csv
import json
import shutil

import numpy as np
import pytest
from corpus_folders import build, write_texts
from proxy_studies import write_study

from bayeslaw.corpora.manifest import read_manifest
from bayeslaw.errors import InputError, InputErrors
from bayeslaw.proxy.execution.executor import train_study
from bayeslaw.proxy.execution.worker import train_run
from bayeslaw.proxy.study.config import RunSpec
from bayeslaw.proxy.study.run_folder import RunFolder
from bayeslaw.proxy.study.study_file import expand, read_study
from bayeslaw.proxy.training.training_program import program_of

SAMPLE_STUDY = "runs/sample-families"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A built corpus of sentencepiece tokens."""
    folder = tmp_path_factory.mktemp("built")
    texts = write_texts(folder / "texts", documents=400)
    build(f"local:{texts}", folder / "corpus", kind="sentencepiece")
    return folder / "corpus"


def study_of(folder, corpus, *lines: str, tokenizer: str = ""):
    """A study file beside a copy of the corpus."""
    folder.mkdir(parents=True, exist_ok=True)
    if corpus:
        shutil.copytree(corpus, folder / "texts" / "mine")
    path = write_study(folder)
    text = path.read_text(encoding="utf-8")
    stated = "\n".join(['source = "folder:texts/mine"', *lines])
    text = text.replace("[corpus]", f"[corpus]\n{stated}")
    section = f'[tokenizer]\nkind = "{tokenizer}"\n' if tokenizer else ""
    path.write_text(section + text, encoding="utf-8")
    return path


def test_a_run_is_that_of_the_corpus_wherever_it_lies(corpus, tmp_path):
    digest = read_manifest(corpus).digest
    paths = [
        study_of(tmp_path / "a", corpus),
        study_of(tmp_path / "deep" / "b", corpus, f'digest = "{digest}"'),
    ]
    specs = [expand(read_study(path))[0] for path in paths]
    assert specs[0].hash == specs[1].hash
    written = json.loads(specs[0].model_dump_json())
    assert written["corpus"] == {
        "source": "folder:",
        "families": ["germanic", "indic"],
        "digest": digest,
    }
    assert written["tokenizer"] == {"kind": "sentencepiece"}
    again = RunSpec.model_validate_json(specs[0].model_dump_json())
    assert again.hash == specs[0].hash


def test_another_corpus_is_another_run(corpus, tmp_path):
    texts = write_texts(tmp_path / "texts", documents=150)
    build(f"local:{texts}", tmp_path / "other", kind="sentencepiece")
    specs = [
        expand(read_study(study_of(tmp_path / name, folder)))[0]
        for name, folder in (("a", corpus), ("b", tmp_path / "other"))
    ]
    assert specs[0].hash != specs[1].hash


def test_runs_of_the_shipped_study_keep_their_names():
    """The table was measured before corpora could be built."""
    with open(f"{SAMPLE_STUDY}/observations.csv", newline="", encoding="utf-8") as file:
        measured = {
            row["run"]: row["versions"].split()[-1] for row in csv.DictReader(file)
        }
    specs = expand(read_study(f"{SAMPLE_STUDY}/study.toml"))
    assert {spec.run: spec.hash for spec in specs} == measured


def test_the_shipped_study_is_finished(tmp_path):
    for name in ("study.toml", "observations.csv"):
        shutil.copy(f"{SAMPLE_STUDY}/{name}", tmp_path)
    before = (tmp_path / "observations.csv").read_bytes()
    summary = train_study(tmp_path / "study.toml", progress=False)
    assert (summary.trained, summary.skipped, summary.rows_added) == (0, 51, 0)
    assert (tmp_path / "observations.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("lines", "tokenizer", "words"),
    [
        (
            ['digest = "0123456789abcdef"'],
            "",
            ["not the expected one", "0123456789abcdef"],
        ),
        ([], "bytes", ["[tokenizer] kind", "bytes", "sentencepiece"]),
        (["held_out_share = 0.1"], "", ["held_out_share"]),
    ],
)
def test_a_study_that_does_not_fit_its_corpus_is_refused(
    corpus, tmp_path, lines, tokenizer, words
):
    path = study_of(tmp_path / "s", corpus, *lines, tokenizer=tokenizer)
    with pytest.raises(InputError) as caught:
        read_study(path)
    for word in ("where:", "got:", "expected:", "fix:", str(path), *words):
        assert word in str(caught.value)


def test_a_family_that_the_corpus_lacks_is_refused(corpus, tmp_path):
    path = study_of(tmp_path, corpus)
    text = path.read_text(encoding="utf-8").replace('"indic"]', '"indic", "slavic"]')
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="slavic"):
        read_study(path)


def test_a_missing_corpus_and_an_unknown_source_are_refused(tmp_path):
    path = study_of(tmp_path, None)
    with pytest.raises(InputError, match="no built corpus"):
        read_study(path)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("folder:texts/mine", "debian:"), encoding="utf-8")
    with pytest.raises(InputErrors, match="debian:"):
        read_study(path)


def test_pieces_are_not_asked_of_the_sample(tmp_path):
    path = write_study(tmp_path)
    section = '[tokenizer]\nkind = "sentencepiece"\n'
    path.write_text(section + path.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(InputError, match="the corpus has another tokenizer"):
        read_study(path)


def test_a_study_that_states_all_is_read_without_its_text_but_not_trained(
    corpus, tmp_path
):
    digest = read_manifest(corpus).digest
    stated = f'digest = "{digest}"'
    with_text = study_of(tmp_path / "a", corpus, stated, tokenizer="sentencepiece")
    without = study_of(tmp_path / "b", None, stated, tokenizer="sentencepiece")
    assert [s.hash for s in expand(read_study(without))] == [
        s.hash for s in expand(read_study(with_text))
    ]
    with pytest.raises(InputError, match="no built corpus"):
        train_study(without, progress=False)
    assert not (without.parent / "observations.csv").exists()


def test_training_reads_the_corpus_where_it_lies_and_names_it(corpus, tmp_path):
    path = study_of(tmp_path, corpus)
    study = read_study(path)
    spec = expand(study)[0]
    run = RunFolder.of(tmp_path, spec)
    run.prepare(spec, tmp_path / "texts" / "mine")
    train_run(run)
    manifest = read_manifest(corpus)
    rows = run.read_rows()
    assert {row["tokenizer"] for row in rows} == {"sentencepiece-400"}
    held_out = f"local:held-out-{manifest.held_out_digest}"
    assert {row["eval_set"] for row in rows} == {held_out}
    tokens = {
        family: sum(s.train_tokens for s in manifest.sizes if s.family == family)
        for family in manifest.families
    }
    assert all(row["unique_tokens"] == tokens[row["family"]] for row in rows)


def test_bits_per_byte_count_the_bytes_that_pieces_stand_for(corpus, tmp_path):
    """An untrained proxy gives every token the same chance."""
    spec = expand(read_study(study_of(tmp_path, corpus)))[0]
    program = program_of(spec, corpus)
    for number, (family, score) in enumerate(
        program.evaluate(program.init(0)["params"]).items()
    ):
        held_out = program.corpus.held_out
        assert family == program.corpus.families[number]
        context = spec.training.context
        windows = min(
            (held_out.length[number] - 1) // context,
            spec.training.eval_tokens // context,
        )
        total = (held_out.length[number] - 1) // context
        starts = held_out.start[number] + context * (
            np.arange(windows) * total // windows
        )
        tokens = held_out.stream[starts[:, None] + 1 + np.arange(context)].ravel()
        size = program.corpus.bytes_per_token[tokens]
        bits = np.count_nonzero(size) * np.log2(400)
        assert score.value == pytest.approx(bits / size.sum(), rel=1e-5)
