"""The observation table: accepted shapes, mixtures, notes, selection, summary."""

import csv
import gzip
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bayeslaw.data.losses import (
    read_runs,
    table_from_rows,
    validate,
    validate_report,
    write_runs,
)
from bayeslaw.errors import InputError

LONG = """\
run,seed,origin,proxy,N,D,schedule,family,p,metric,unit,value,se
r1,0,measured,d4,4096,1000000,trunk,romance,0.25,loss,bits/byte,2.5,0.01
r1,0,measured,d4,4096,1000000,trunk,uralic,0.75,loss,bits/byte,2.25,
r2,1,measured,d8,8192,2000000,,romance,0.5,,bits/byte,2.0,0.02
r2,1,measured,d8,8192,2000000,,uralic,0.5,,bits/byte,1.75,0.02
"""


def write(folder: Path, text: str, name: str = "observations.csv") -> Path:
    (folder / name).write_text(text)
    return folder / name


@pytest.fixture
def table(tmp_path):
    return read_runs(write(tmp_path, LONG))


def test_a_long_table_reads_as_numbers_words_and_mixtures(table):
    assert len(table) == 4
    assert table.families == ("romance", "uralic")
    assert table.runs == ("r1", "r2")
    assert table.columns["N"].tolist() == [4096, 4096, 8192, 8192]
    assert table.columns["N"].dtype == np.float64
    assert np.isnan(table.columns["se"]).tolist() == [False, True, False, False]
    assert table.mixtures["r1"] == {"romance": 0.25, "uralic": 0.75}
    assert table.lines.tolist() == [2, 3, 4, 5]
    assert table.notes == ()


def test_empty_schedule_means_cooled_and_empty_metric_means_loss(table):
    assert table.columns["schedule"].tolist() == ["trunk", "trunk", "cooled", "cooled"]
    assert set(table.columns["metric"]) == {"loss"}


def test_columns_that_the_file_lacks_are_there_as_not_given(table):
    assert np.isnan(table.columns["flops"]).all()
    assert table.columns["tokenizer"].tolist() == [""] * 4


def test_arrays_of_a_table_cannot_be_changed(table):
    with pytest.raises(ValueError, match="read-only"):
        table.columns["value"][0] = 0


def test_byte_order_mark_quotes_spaces_and_windows_line_ends_are_read(tmp_path, table):
    text = LONG.replace("romance", '" romance "').replace("\n", "\r\n")
    path = tmp_path / "excel.csv"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_runs(path).sha256 == table.sha256


def test_a_gzipped_table_is_read_by_its_content(tmp_path, table):
    for name in ("observations.csv.gz", "packed.csv"):
        (tmp_path / name).write_bytes(gzip.compress(LONG.encode()))
        assert read_runs(tmp_path / name).sha256 == table.sha256


def test_row_numbers_are_lines_of_the_file_behind_cells_of_several_lines(tmp_path):
    text = LONG.replace("seed", "versions").replace("r1,0", 'r1,"jax\n0.12"', 1)
    table = read_runs(write(tmp_path, text.replace("\nr2", "\n\nr2")))
    assert table.lines.tolist() == [2, 4, 6, 8]


def test_known_aliases_are_read_and_noted(tmp_path, table):
    aliases = {"run": "run_id", "N": "Params", "D": "training tokens", "se": "stderr"}
    aliases |= {"family": "lang_family", "p": "sampling_ratio", "value": "test-loss"}
    header, rest = LONG.split("\n", 1)
    renamed = ",".join(aliases.get(name, name) for name in header.split(","))
    found = read_runs(write(tmp_path, f"{renamed}\n{rest}"))
    assert found.sha256 == table.sha256
    assert "`Params` as `N`" in found.notes[0]


def test_unknown_columns_are_noted_with_the_name_they_resemble(tmp_path):
    header, *rows = LONG.splitlines()
    lines = [f"{header},tokeniser,color", *(f"{row},bytes,red" for row in rows)]
    table = read_runs(write(tmp_path, "\n".join(lines)))
    assert table.notes == (
        "observations.csv: column `tokeniser` is not read; did you mean `tokenizer`?",
        "observations.csv: column `color` is not read",
    )


@pytest.mark.parametrize("mark", ["_", "/"])
def test_a_wide_table_equals_the_long_one(tmp_path, mark, table):
    text = """\
run,seed,origin,proxy,N,D,schedule,unit,loss/romance,loss/uralic,p/romance,p/uralic,se/romance,se/uralic
r1,0,measured,d4,4096,1000000,trunk,bits/byte,2.5,2.25,.25,.75,.01,
r2,1,measured,d8,8192,2000000,,bits/byte,2.0,1.75,.5,.5,.02,.02
"""
    head, rest = text.split("\n", 1)
    for name in ("loss", "p", "se"):
        head = head.replace(f"{name}/", f"{name}{mark}")
    wide = read_runs(write(tmp_path, f"{head}\n{rest}"))
    assert wide.sha256 == table.sha256
    assert wide.lines.tolist() == [2, 2, 3, 3]


def test_a_wide_table_may_leave_out_losses_but_keeps_the_whole_mixture(tmp_path):
    text = "run,N,D,loss,loss_a,loss_b,p_a,p_b,p_c\nr1,1e6,1e8,2,1.5,,.5,.25,.25\n"
    table = read_runs(write(tmp_path, text), origin="published", unit="nats/token")
    assert table.families == ("a",)
    assert table.mixtures == {"r1": {"a": 0.5, "b": 0.25, "c": 0.25}}
    notes = "\n".join(table.notes)
    assert "1 empty cells of `loss_a`, `loss_b` are read as missing observations" in (
        notes
    )
    assert "column `loss` is not read" in notes
    assert "families without observations: b, c" in notes


def test_loss_se_is_a_standard_error_unless_se_is_a_family(tmp_path):
    header = "run,N,D,origin,unit,loss_fi,loss_se,p_fi"
    row = "r1,1e6,1e8,measured,bits/byte,2,0.1"
    one = read_runs(write(tmp_path, f"{header}\n{row},1\n"))
    assert (one.families, one.columns["se"].tolist()) == (("fi",), [0.1])
    two = read_runs(write(tmp_path, f"{header},p_se\n{row},.5,.5\n"))
    assert two.families == ("fi", "se")


def test_long_rows_may_carry_their_mixture_in_wide_ratio_columns(tmp_path):
    text = (
        "run,N,D,origin,unit,family,loss,p_a,p_b\nr1,1e6,1e8,measured,bpb,a,2,.3,.7\n"
    )
    table = read_runs(write(tmp_path, text))
    assert table.columns["p"].tolist() == [0.3]
    assert table.mixtures == {"r1": {"a": 0.3, "b": 0.7}}
    assert table.columns["unit"].tolist() == ["bits/byte"]


def test_a_table_without_families_is_one_family_and_says_so(tmp_path):
    text = "C,N,D,loss\n6e17,1e6,1e11,3.5\n1e18,2e6,1e11,3.25\n"
    table = read_runs(write(tmp_path, text), origin="published", unit="nats/token")
    assert table.families == ("all",)
    assert table.columns["p"].tolist() == [1, 1]
    assert table.columns["flops"].tolist() == [6e17, 1e18]
    assert table.runs == ("row 2", "row 3")
    notes = "\n".join(table.notes)
    assert "one family `all` with ratio 1" in notes
    assert "each row is read as a run" in notes


@pytest.mark.parametrize(
    "ratios",
    [
        "run,romance,uralic\nr1,.25,.75\nr2,.5,.5\n",
        "run,p_romance,p_uralic,index\nr1,.25,.75,0\nr2,.5,.5,1\n",
        "run,family,p\nr1,romance,.25\nr1,uralic,.75\nr2,romance,.5\nr2,uralic,.5\n",
    ],
)
def test_metrics_and_ratios_are_joined_on_run(tmp_path, ratios, table):
    folder = tmp_path / "pair"
    folder.mkdir()
    rows = list(csv.reader(LONG.splitlines()))
    metrics = "\n".join(",".join(row[:8] + row[9:]) for row in rows)
    write(folder, metrics, "metrics.csv")
    write(folder, ratios, "ratios.csv")
    assert read_runs(folder).sha256 == table.sha256


def test_mixtures_beside_the_table_give_the_families_without_rows(tmp_path):
    rows = [row for row in LONG.splitlines() if "uralic" not in row]
    path = write(tmp_path, "\n".join(rows))
    write(tmp_path, "run,romance,uralic\nr1,.25,.75\nr2,.5,.5\nr3,1,0", "mixtures.csv")
    table = read_runs(path)
    assert table.mixtures["r1"] == {"romance": 0.25, "uralic": 0.75}
    assert "it has 1 runs that the table lacks" in table.notes[0]


def test_a_family_left_out_of_a_mixture_is_kept_with_a_note(tmp_path):
    mixture = '"{""romance"": 1.0}"'
    text = (
        "run,origin,N,D,family,p,unit,value,mixture\n"
        f"r1,measured,4096,1e6,romance,1,bits/byte,2.5,{mixture}\n"
        f"r1,measured,4096,1e6,uralic,0,bits/byte,3.5,{mixture}\n"
    )
    table = read_runs(write(tmp_path, text))
    assert len(table) == 2
    assert "ratio 0 in 1 rows (3); only laws with transfer" in table.notes[0]


def test_arguments_fill_only_what_the_table_leaves_open(tmp_path):
    text = LONG.replace("r1,0,measured", "r1,0,")
    table = read_runs(write(tmp_path, text), origin="measured", unit="bpb")
    assert set(table.columns["origin"]) == {"measured"}
    assert table.notes == ("origin `measured` filled in by the argument in 2 rows",)


def test_small_counts_that_look_like_billions_are_noted(tmp_path):
    table = read_runs(write(tmp_path, LONG.replace("4096", "0.1").replace("8192", "7")))
    assert "the largest value is 7; if it is in millions or billions" in table.notes[0]


def test_cells_saying_not_available_are_not_given_and_noted(tmp_path):
    table = read_runs(write(tmp_path, LONG.replace(",0.01", ",NA")))
    assert np.isnan(table.columns["se"][0])
    assert table.notes == ("observations.csv, column `se`: `NA` read as not given",)


def test_the_hash_ignores_column_order_and_file_format_but_no_value(tmp_path, table):
    rows = [row[::-1] for row in csv.reader(LONG.splitlines())]
    turned = read_runs(write(tmp_path, "\n".join(map(",".join, rows)), "turned.csv"))
    write_runs(table, tmp_path / "table.parquet")
    assert turned.sha256 == table.sha256
    assert read_runs(tmp_path / "table.parquet").sha256 == table.sha256
    changed = read_runs(write(tmp_path, LONG.replace("1.75", "1.7500000000000002")))
    assert changed.sha256 != table.sha256


def test_parquet_written_by_pandas_with_a_struct_of_ratios_is_read(tmp_path, table):
    frame = table.to_pandas()[["run", "origin", "N", "D", "family", "unit", "value"]]
    frame["mixture"] = [table.mixtures[run] for run in frame["run"]]
    frame["seed"] = np.array([0, 0, 1, 1])
    frame.to_parquet(tmp_path / "pandas.parquet")
    again = read_runs(tmp_path / "pandas.parquet")
    assert again.mixtures == table.mixtures
    assert again.columns["p"].tolist() == table.columns["p"].tolist()


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_kept_columns_select_rows_are_written_and_change_no_hash(
    tmp_path, ending, table
):
    header, *rows = LONG.splitlines()
    parts = ["train", "test", "train", "test"]
    lines = [f"{header},split", *map(",".join, zip(rows, parts, strict=True))]
    kept = read_runs(write(tmp_path, "\n".join(lines)), keep=["split"])
    assert kept.notes == ()
    assert kept.sha256 == table.sha256
    held_out = kept.select(kept.columns["split"] == "test", why="not held out")
    assert held_out.columns["split"].tolist() == ["test", "test"]
    assert held_out.families == ("uralic",)
    write_runs(kept, tmp_path / f"again.{ending}")
    again = read_runs(tmp_path / f"again.{ending}", keep=["split"])
    assert again.columns["split"].tolist() == parts


def test_kept_columns_of_a_wide_table_are_not_read_as_families(tmp_path):
    text = "run,N,D,unit,loss_a,loss_b,p_a,p_b,p_kind\nr1,1e6,1e8,bpb,2,3,.5,.5,hand\n"
    wide = read_runs(write(tmp_path, text), origin="measured", keep=["p_kind"])
    assert wide.columns["p_kind"].tolist() == ["hand", "hand"]
    assert wide.mixtures == {"r1": {"a": 0.5, "b": 0.5}}


def test_a_selection_keeps_the_reason(table):
    cooled = table.select(table.columns["schedule"] == "cooled", why="trunk rows")
    assert cooled.notes == ("excluded 2 of 4 rows: trunk rows",)
    assert cooled.runs == ("r2",)
    assert set(cooled.mixtures) == {"r2"}
    assert cooled.lines.tolist() == [4, 5]
    assert cooled.sha256 != table.sha256


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.zeros(4, bool), "leaves no rows"),
        (np.ones(3, bool), "shape \\(3,\\)"),
        (np.arange(4), "dtype int64"),
    ],
)
def test_a_mask_that_does_not_fit_or_excludes_everything_is_refused(
    table, mask, message
):
    with pytest.raises(InputError, match=message):
        table.select(mask, why="test")


def test_the_summary_counts_and_is_json(table):
    summary = json.loads(json.dumps(table.summary()))
    assert (summary["rows"], summary["runs"], summary["mixtures"]) == (4, 2, 2)
    assert summary["N"] == [4096, 8192]
    assert summary["seeds"] == [0, 1]
    assert summary["origins"] == {"measured": 4}
    assert summary["units"] == {"loss": "bits/byte"}
    assert summary["ranges"][0]["p"] == [0.25, 0.5]
    assert summary["sha256"] == table.sha256


def test_the_summary_counts_cells_trained_with_several_seeds():
    row = {"origin": "measured", "N": 1e6, "D": 1e8, "family": "all", "p": 1.0}
    row |= {"unit": "bits/byte", "value": 1.0}
    rows = [row | {"run": f"r{seed}", "seed": seed} for seed in range(3)]
    assert table_from_rows(rows).summary()["replicated"] == 1


def test_validate_agrees_with_the_table_and_prints_origin_unit_and_notes(tmp_path):
    path = write(tmp_path, LONG.replace("measured", "simulated").replace("0.01", "NA"))
    summary = validate(path)
    assert summary == read_runs(path).summary()
    text = validate_report(read_runs(path))
    assert text == validate_report(summary)
    for part in ("4 rows, 2 runs", "simulated (4 rows)", "bits/byte", "read as not"):
        assert part in text


def test_validating_a_table_imports_no_heavy_library(tmp_path):
    path = write(tmp_path, LONG)
    code = (
        "import sys; from bayeslaw.data.losses import validate, validate_report\n"
        "print(validate_report(validate(sys.argv[1])))\n"
        "heavy = {'numpy', 'pandas', 'pyarrow', 'jax', 'xarray'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "from bayeslaw.data.losses import read_runs; read_runs(sys.argv[1])\n"
        "heavy = {'pandas', 'pyarrow', 'jax', 'xarray'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
