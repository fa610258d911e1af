"""The table of downstream scores: accepted shapes, curves, notes, summary, command."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import MODEL, assert_five_parts
from score_rows import study_rows

from bayeslaw.data.losses import append_rows, read_runs, table_from_rows
from bayeslaw.data.scores import (
    Curve,
    curves_from_rows,
    read_curves,
    validate,
    validate_report,
    write_curves,
)
from bayeslaw.errors import InputError

LONG = """\
run,seed,origin,N,task,pretraining_mix,D_p,D_f,metric,unit,value,se
r1,0,published,1e8,en-de,en,1e9,1e6,bleu,points,12.5,0.3
r1,0,published,1e8,en-de,en,1e9,1e6,cross_entropy,nats/token,1.9,
r1,0,published,1e8,en-de,en,3e9,1e6,bleu,points,14.5,0.3
r1,0,published,1e8,en-de,en,3e9,1e6,cross_entropy,nats/token,1.8,
r1,0,published,1e8,en-de,en,9e9,1e6,bleu,points,15.5,0.3
r1,0,published,1e8,en-de,en,9e9,1e6,cross_entropy,nats/token,1.75,
r2,0,published,1e8,en-de,none,0,1e6,bleu,points,8.5,0.3
"""
WIDE = """\
run,seed,origin,N,task,pretraining_mix,D_p,D_f,BLEU,BLEU_se,CE,CE_unit
r1,0,published,1e8,en-de,en,1e9,1e6,12.5,0.3,1.9,nats/token
r1,0,published,1e8,en-de,en,3e9,1e6,14.5,0.3,1.8,nats/token
r1,0,published,1e8,en-de,en,9e9,1e6,15.5,0.3,1.75,nats/token
r2,0,published,1e8,en-de,none,0,1e6,8.5,0.3,,
"""


def write(folder: Path, text: str, name: str = "scores.csv") -> Path:
    (folder / name).write_text(text)
    return folder / name


@pytest.fixture
def table(tmp_path):
    return read_curves(write(tmp_path, LONG))


@pytest.fixture
def study(tmp_path):
    """The path of a table written as our own studies write it."""
    append_rows(tmp_path / "translations.csv", study_rows())
    return tmp_path / "translations.csv"


def test_a_long_table_reads_as_numbers_and_words(table):
    assert len(table) == 7
    assert (table.runs, table.tasks) == (("r1", "r2"), ("en-de",))
    assert table.columns["D_p"].tolist() == [1e9, 1e9, 3e9, 3e9, 9e9, 9e9, 0]
    assert np.isnan(table.columns["se"]).sum() == 3
    assert np.isnan(table.columns["alignment"]).all()
    assert table.columns["tokenizer"].tolist() == [""] * 7
    assert table.lines.tolist() == list(range(2, 9))
    with pytest.raises(ValueError, match="read-only"):
        table.columns["value"][0] = 0


def test_a_curve_has_the_points_of_all_seeds_and_a_baseline(table):
    bleu, entropy = table.curves
    assert bleu == Curve("en-de", "en", 1e8, 1e6, None, "bleu")
    assert str(entropy) == "en-de, en, N 1e+08, D_f 1e+06, cross_entropy"
    values = table.columns["value"]
    assert values[table.rows_of(bleu)].tolist() == [12.5, 14.5, 15.5]
    assert values[table.rows_of(bleu.baseline)].tolist() == [8.5]
    assert not table.rows_of(entropy.baseline).any()


def test_rows_without_pretraining_are_baselines_whatever_their_mixture(tmp_path):
    text = LONG.replace("r2,0,published,1e8,en-de,none", "r2,0,published,1e8,en-de,de")
    table = read_curves(write(tmp_path, text))
    assert [curve.pretraining_mix for curve in table.curves] == ["en", "en"]
    assert table.rows_of(table.curves[0].baseline).sum() == 1


def test_a_wide_table_equals_the_long_one(tmp_path, table):
    wide = read_curves(write(tmp_path, WIDE, "wide.csv"))
    assert wide.lines.tolist() == [2, 2, 3, 3, 4, 4, 5]
    assert wide.sha256 == table.sha256


def test_a_wide_table_notes_what_its_columns_were_taken_for(tmp_path):
    notes = "\n".join(read_curves(write(tmp_path, WIDE)).notes)
    for part in (
        "`BLEU` as `bleu`, `CE` as `cross_entropy`",
        "`CE_unit` as `cross_entropy_unit`",
        "1 empty cells of `BLEU`, `CE` are read as missing observations",
        "no unit in 4 rows of bleu; they are read as points (0 to 100)",
    ):
        assert part in notes


def test_aliases_are_read_in_any_case_and_noted(tmp_path, table):
    aliases = {"run": "run_id", "N": "Params", "task": "Language pair", "D_p": "d-p"}
    aliases |= {"pretraining_mix": "Pretraining Mixture", "value": "score"}
    aliases |= {"D_f": "finetuning_tokens", "se": "stderr"}
    header, rest = LONG.split("\n", 1)
    renamed = ",".join(aliases.get(name, name) for name in header.split(","))
    rest = rest.replace("bleu", "sacreBLEU").replace("cross_entropy", "Cross-Entropy")
    found = read_curves(write(tmp_path, f"{renamed}\n{rest}"))
    assert found.sha256 == table.sha256
    assert "`Pretraining Mixture` as `pretraining_mix`" in found.notes[0]
    assert "`sacreBLEU` as `bleu`, `Cross-Entropy` as `cross_entropy`" in found.notes[1]
    for name in ("pretraining_tokens", "D_pretrain"):
        text = LONG.replace("D_p", name)
        assert read_curves(write(tmp_path, text)).sha256 == table.sha256


def test_gzip_and_parquet_are_read_by_their_content(tmp_path, table):
    (tmp_path / "scores.csv.gz").write_bytes(gzip.compress(LONG.encode()))
    assert read_curves(tmp_path / "scores.csv.gz").sha256 == table.sha256
    frame = table.to_pandas()
    frame.to_parquet(tmp_path / "scores.parquet")
    assert read_curves(tmp_path / "scores.parquet").sha256 == table.sha256
    assert validate(tmp_path / "scores.parquet")["rows"] == 7


def test_the_table_of_our_own_study_reads_without_a_word_but_of_missing_errors(study):
    table = read_curves(study)
    assert len(table) == 96
    assert len(table.curves) == 24
    assert table.mixtures == {"en": {"en": 1.0}, "de": {"de": 1.0}}
    assert table.columns["D_f"].tolist()[0] == 200 * 31
    (note,) = table.notes
    assert "no standard error in 8 of 96 rows (bleu 8)" in note
    assert table.sha256 == curves_from_rows(study_rows()).sha256


def test_a_metric_of_any_name_is_read_with_its_unit(tmp_path):
    text = LONG.replace("bleu,points", "accuracy,fraction").replace("12.5", "-0.1")
    table = read_curves(write(tmp_path, text))
    assert table.curves[0].metric == "accuracy"
    assert set(table.columns["unit"]) == {"fraction", "nats/token"}


def test_comet_needs_a_unit_and_may_be_negative(tmp_path):
    text = "task,pretraining_mix,D_p,comet\nen-de,en,1e9,-0.5\n"
    table = read_curves(write(tmp_path, text), origin="measured", unit="fraction")
    assert table.columns["unit"].tolist() == ["fraction"]


def test_an_argument_fills_the_units_that_the_metric_leaves_open(tmp_path):
    text = "task,pretraining_mix,D_p,bleu,ce\nen-de,en,1e9,12,2\n"
    table = read_curves(write(tmp_path, text), origin="published", unit="bpb")
    assert table.columns["unit"].tolist() == ["points", "bits/byte"]
    assert "unit `bpb` filled in by the argument in 1 rows" in table.notes


def test_without_runs_each_mixture_size_and_seed_is_one(tmp_path):
    text = (
        "task,pretraining_mix,N,seed,D_p,bleu\n"
        "en-de,en,1e6,0,1e9,12\nen-fr,en,1000000,0,1e9,12\nen-de,en,1e6,1,1e9,12\n"
        "en-de,de,1e6,0,1e9,12\n"
    )
    table = read_curves(write(tmp_path, text), origin="published")
    assert table.runs == (
        "en, N 1000000, seed 0",
        "en, N 1000000, seed 1",
        "de, N 1000000, seed 0",
    )
    assert any("no column `run`; each combination of" in note for note in table.notes)
    empty = text.replace("task,", "run,task,").replace("\nen-", "\n,en-")
    again = read_curves(write(tmp_path, empty), origin="published")
    assert again.sha256 == table.sha256


NOTES = {
    "small_counts": ("e9", "", "`D_p`: the largest value is 9; if it is in millions"),
    "short_curves": (
        "r1,0,published,1e8,en-de,en,3e9,1e6,bleu,points,14.5,0.3\n",
        "",
        "1 of 2 curves have fewer than 3 values above 0, too few to identify their "
        "shape: en-de, en, N 1e+08, D_f 1e+06, bleu",
    ),
    "missing_errors": ("0.3", "", "in 7 of 7 rows (bleu 4, cross_entropy 3)"),
    "not_available": (",0.3", ",NA", "column `se`: `NA` read as not given"),
    "sizes_left_out": ("r2,0,published,1e8", "r2,0,published,", "`N`: given in 6 of 7"),
    "unread_column": ("seed", "sead", "column `sead` is not read; did you mean `seed`"),
    "unknown_metric": ("cross_entropy", "cross_entrop", "did you mean `cross_entropy`"),
}


@pytest.mark.parametrize("case", NOTES.values(), ids=NOTES)
def test_what_is_allowed_but_odd_is_noted(tmp_path, case):
    old, new, part = case
    assert old in LONG
    table = read_curves(write(tmp_path, LONG.replace(old, new)))
    assert [note for note in table.notes if part in note], table.notes


@pytest.mark.parametrize(("largest", "is_noted"), [(1, True), (0, False), (2, False)])
def test_points_that_look_like_fractions_are_noted(tmp_path, largest, is_noted):
    text = f"task,pretraining_mix,D_p,chrF\na,en,1e9,0\na,en,2e9,{largest}\n"
    notes = read_curves(write(tmp_path, text), origin="measured").notes
    part = "the largest chrf is 1 points; if these are fractions, multiply them"
    assert any(part in note for note in notes) is is_noted


def test_scores_that_were_not_measured_alike_are_noted():
    rows = study_rows()
    rows[4]["beams"] = 1
    rows[7]["signature"] = "bleu|tok:intl"
    for row in rows[48:]:
        row["tokenizer"] = "pieces"
    notes = "\n".join(curves_from_rows(rows).notes)
    assert "column `beams`: more than one value for en-de chrf" in notes
    assert "column `signature`: more than one value for en-de chrf" in notes
    assert "counts tokens of 2 tokenizers (bytes, pieces)" in notes


def test_a_table_without_pretraining_has_no_curve_and_says_so():
    rows = [row for row in study_rows() if row["D_p"] == 0]
    table = curves_from_rows(rows)
    assert table.curves == ()
    assert "so there is no curve" in table.notes[-1]
    assert "0 curves" in validate_report(table)


def test_a_selection_keeps_the_reason(study):
    table = read_curves(study)
    bleu = table.select(table.columns["metric"] == "bleu", why="not BLEU")
    assert bleu.notes[-1] == "excluded 64 of 96 rows: not BLEU"
    assert len(bleu.curves) == 8
    assert bleu.lines.tolist()[:2] == [2, 5]
    english = table.select(table.columns["pretraining_mix"] == "en", why="one mixture")
    assert set(english.mixtures) == {"en"}
    assert english.sha256 != bleu.sha256 != table.sha256
    with pytest.raises(InputError, match="leaves no rows"):
        table.select(np.zeros(96, bool), why="test")


def test_the_summary_counts_and_is_json(study):
    table = read_curves(study)
    summary = json.loads(json.dumps(table.summary()))
    assert (summary["rows"], summary["runs"], summary["not_pretrained"]) == (96, 2, 24)
    assert summary["tasks"] == ["en-de", "de-en"]
    assert summary["pretraining_mixes"] == ["en", "de"]
    assert summary["D_p"] == [1_000_000, 4_000_000, 16_000_000]
    assert summary["units"]["cross_entropy"] == "bits/byte"
    assert summary["alignment"] == [0.7, 0.8]
    assert summary["with_se"] == 88
    first = summary["curves"][0]
    assert (first["task"], first["pretraining_mix"], first["metric"]) == (
        *("en-de", "en"),
        "bleu",
    )
    assert (first["D_p"], first["rows"], first["seeds"]) == (summary["D_p"], 3, [0])
    assert first["value"] == pytest.approx([3.102, 4.602])
    ranges = summary["ranges"][0]
    assert (ranges["curves"], ranges["points"]) == (4, [3, 3])
    assert ranges["not_pretrained"] == pytest.approx([3.002, 3.02])
    assert summary["sha256"] == table.sha256


def test_validate_agrees_with_the_table_and_says_what_it_holds(study):
    summary = validate(study)
    assert summary == read_curves(study).summary()
    text = validate_report(read_curves(study))
    assert text == validate_report(summary)
    for part in (
        "96 downstream scores, 2 runs, 24 curves; no problems",
        "measured (96 rows)",
        "bleu in points, chrf in points, cross_entropy in bits/byte",
        "2: en-de, de-en",
        "3 token counts, 1e+06 to 1.6e+07; 24 rows without pretraining",
        "2 token counts, 6200 to 6.2e+04",
        "1 seed, 0",
        "given in 88 of 96 rows",
        "no standard error in 8 of 96",
    ):
        assert part in text, text
    bleu = next(line for line in text.splitlines() if "en-de  bleu" in line)
    assert bleu.split()[:4] == ["en-de", "bleu", "4", "3"]
    assert bleu.endswith("points")


def test_the_command_knows_which_table_it_has(study, bayeslaw_command):
    status, out, err = bayeslaw_command("validate", study)
    assert (status, err) == (0, "")
    assert out.strip() == validate_report(validate(study))
    status, out, err = bayeslaw_command("validate", study, "--json")
    assert (status, err) == (0, "")
    assert json.loads(out) == validate(study)


def test_the_command_fills_origin_and_unit(tmp_path, bayeslaw_command):
    path = write(
        tmp_path, "task,pretraining_mix,D_pretrain,bleu,ce\nen-de,en,1e9,12,2\n"
    )
    status, out, _ = bayeslaw_command(
        *("validate", path, "--origin", "published", "--unit", "nats/token")
    )
    assert status == 0
    assert "cross_entropy in nats/token" in out
    status, _, err = bayeslaw_command("validate", path)
    assert status == 1
    assert_five_parts(err)
    assert "2 problems" in err


@pytest.mark.parametrize("words", [["--mixtures", "m.csv"], ["--normalise-mixtures"]])
def test_options_of_the_table_of_losses_are_refused(study, bayeslaw_command, words):
    status, out, err = bayeslaw_command("validate", study, *words)
    assert (status, out) == (1, "")
    assert_five_parts(err)
    assert f"option {words[0]}" in err
    assert f"remove {words[0]}" in err


def test_a_table_of_scores_is_not_fitted(study, tmp_path, bayeslaw_command):
    words = ("--model", MODEL, "-o", tmp_path / "posterior.nc")
    status, _, err = bayeslaw_command("fit", study, *words)
    assert status == 1
    assert_five_parts(err)
    for part in ("downstream scores, not of losses", "translations.csv", "`D_p`"):
        assert part in err
    assert "give the table of losses" in err
    with pytest.raises(InputError, match="not of losses"):
        table_from_rows(study_rows())


LOSSES = "run,origin,N,D,family,p,unit,value\nr1,measured,1e6,1e8,a,1,bits/byte,2\n"


def test_a_table_of_losses_is_not_one_of_scores(tmp_path, bayeslaw_command):
    path = write(tmp_path, LOSSES, "observations.csv")
    with pytest.raises(InputError) as caught:
        read_curves(path)
    for part in ("a table of losses", "observations.csv, row 1", "read_runs", "`D_p`"):
        assert part in str(caught.value)
    assert "1 families" in bayeslaw_command("validate", path)[1]


@pytest.mark.parametrize(
    "header",
    [
        "task,pretraining_mix,D_p,bleu",
        "D_p,language,value",
        "Task,Pretraining Mixture,tokens,score",
    ],
)
def test_headers_of_scores_are_told_from_headers_of_losses(tmp_path, header):
    path = write(tmp_path, f"{header}\n{','.join('1' for _ in header.split(','))}\n")
    with pytest.raises(InputError, match="downstream scores, not of losses"):
        read_runs(path)


def test_tokens_of_pretraining_in_a_table_of_losses_leave_it_one(tmp_path):
    text = LOSSES.replace("origin", "D_p,origin").replace("measured", "5,measured")
    assert len(read_runs(write(tmp_path, text))) == 1


def test_validating_scores_imports_no_heavy_library(study):
    code = (
        "import sys; import bayeslaw.cli.main as c\n"
        "sys.argv[1:] = ['validate', sys.argv[1]]; assert c._status() == 0\n"
        "heavy = {'numpy', 'pandas', 'pyarrow', 'jax', 'xarray'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "import bayeslaw; bayeslaw.read_curves(sys.argv[2])\n"
        "heavy = {'pandas', 'pyarrow', 'jax', 'xarray'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code, str(study)], check=True)


def test_writing_keeps_the_content(study, tmp_path):
    table = read_curves(study)
    for name in ("again.csv", "again.parquet"):
        write_curves(table, tmp_path / name)
        again = read_curves(tmp_path / name)
        assert again.sha256 == table.sha256
        assert again.mixtures == table.mixtures
    with pytest.raises(InputError, match="argument `path` of write_curves"):
        write_curves(table, tmp_path / "table.xlsx")
