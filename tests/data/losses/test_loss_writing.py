"""Writing tables: exact round trips, crash safety, concurrent appenders."""

import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from bayeslaw.data.losses import (
    append_rows,
    read_runs,
    table_from_rows,
    validate,
    write_runs,
)
from bayeslaw.errors import InputError

ROW = {"run": "r1", "seed": 0, "origin": "simulated", "N": 4096, "D": 1e6}
ROW |= {"family": "all", "p": 1.0, "unit": "bits/byte", "value": 2.5}


def run_rows(name: str) -> list[dict]:
    """Five rows of one run, as a training writes them."""
    return [ROW | {"run": name, "D": 1e6 * (i + 1)} for i in range(5)]


def positive() -> st.SearchStrategy[float]:
    return st.floats(min_value=5e-324, allow_infinity=False)


# Any text a user may call something, except what a table cannot tell apart.
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
NAMES = NAMES.map(str.strip).filter(bool)


@st.composite
def tables(draw) -> list[dict]:
    families = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    runs = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    rows = []
    for run in runs:
        shares = [draw(st.floats(1e-6, 1)) for _ in families]
        ratios = [share / math.fsum(shares) for share in shares]
        fixed = {"run": run, "N": draw(positive()), "seed": draw(st.integers(0, 99))}
        fixed |= {"origin": draw(st.sampled_from(["measured", "published"]))}
        fixed |= {"mixture": dict(zip(families, ratios, strict=True))}
        fixed |= {"unit": "nats/token", "tokenizer": draw(NAMES)}
        for D in draw(st.lists(positive(), min_size=1, max_size=3, unique=True)):
            for family, ratio in zip(families, ratios, strict=True):
                row = {"D": D, "family": family, "p": ratio, "value": draw(positive())}
                se = draw(st.none() | st.floats(0, 1))
                rows.append(fixed | row | {"se": se, "versions": draw(NAMES)})
    return rows


@hypothesis.given(rows=tables(), ending=st.sampled_from(["csv", "parquet"]))
@hypothesis.settings(max_examples=20, deadline=None)
def test_a_written_table_reads_back_equal(tmp_path_factory, rows, ending):
    table = table_from_rows(rows)
    path = tmp_path_factory.mktemp("round") / f"table.{ending}"
    write_runs(table, path)
    again = read_runs(path)
    assert again.sha256 == table.sha256
    assert again.mixtures == table.mixtures
    for name, cells in table.columns.items():
        np.testing.assert_array_equal(again.columns[name], cells)


@hypothesis.given(rows=tables(), at=st.floats(0, 1))
@hypothesis.settings(max_examples=20, deadline=None)
def test_rows_appended_in_two_parts_read_back_equal(tmp_path_factory, rows, at):
    path = tmp_path_factory.mktemp("append") / "table.csv"
    cut = int(at * len(rows))
    append_rows(path, rows[:cut])
    append_rows(path, rows[cut:])
    assert read_runs(path).sha256 == table_from_rows(rows).sha256


@hypothesis.given(rows=tables(), column_order=st.randoms(use_true_random=False))
@hypothesis.settings(max_examples=20, deadline=None)
def test_the_hash_does_not_depend_on_column_order(rows, column_order):
    names = list(rows[0])
    column_order.shuffle(names)
    turned = [{name: row[name] for name in names} for row in rows]
    assert table_from_rows(turned).sha256 == table_from_rows(rows).sha256


def test_numbers_are_written_exactly_and_without_their_type(tmp_path):
    path = tmp_path / "table.csv"
    row = ROW | {"value": np.float32(0.1), "N": np.int64(4096), "se": None}
    append_rows(path, [row | {"D": np.float64(0.1) + 0.2}])
    header, line = path.read_text().splitlines()
    assert header == "run,seed,origin,N,D,family,p,unit,value,se"
    assert line == (
        "r1,0,simulated,4096,0.30000000000000004,all,1.0,bits/byte,0.10000000149011612,"
    )


def test_a_row_may_leave_out_columns_of_the_header(tmp_path):
    path = tmp_path / "table.csv"
    append_rows(path, [ROW | {"se": 0.1, "run": "r0"}])
    append_rows(path, [ROW])
    assert path.read_text().splitlines()[-1].endswith("2.5,")


def test_a_row_with_a_new_column_is_refused_and_changes_nothing(tmp_path):
    path = tmp_path / "table.csv"
    append_rows(path, [ROW])
    before = path.read_bytes()
    with pytest.raises(InputError) as caught:
        append_rows(path, [ROW | {"colour": "red"}])
    for part in ("table.csv, header", "new columns `colour`", "start a new table"):
        assert part in str(caught.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize("value", [math.nan, np.float64("inf"), -math.inf])
def test_a_number_that_is_not_finite_is_refused(tmp_path, value):
    with pytest.raises(InputError) as caught:
        append_rows(tmp_path / "table.csv", [ROW, ROW | {"value": value}])
    for part in ("column value, new row 2", str(float(value)), "diverged run"):
        assert part in str(caught.value)
    assert not (tmp_path / "table.csv").exists()


def test_appending_to_parquet_to_binary_or_nowhere_is_refused(tmp_path):
    with pytest.raises(InputError, match="only be appended to a CSV table"):
        append_rows(tmp_path / "table.parquet", [ROW])
    (tmp_path / "table.csv").write_bytes(b"run\n\xff\n")
    with pytest.raises(InputError, match="byte 4"):
        append_rows(tmp_path / "table.csv", [ROW])
    with pytest.raises(InputError, match="mkdir -p"):
        append_rows(tmp_path / "absent" / "table.csv", [ROW])


def test_appending_nothing_writes_nothing(tmp_path):
    append_rows(tmp_path / "table.csv", [])
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_gets_a_header(tmp_path):
    path = tmp_path / "table.csv"
    path.touch()
    append_rows(path, [ROW])
    assert len(read_runs(path)) == 1


def test_the_file_keeps_its_line_ends_byte_order_mark_and_permissions(tmp_path):
    path = tmp_path / "table.csv"
    names, cells = ",".join(ROW), ",".join(map(str, ROW.values()))
    # The last line is open, as many editors leave it.
    path.write_bytes(f"\ufeff{names}\r\n{cells}".encode())
    path.chmod(0o640)
    append_rows(path, [ROW | {"D": 2e6}])
    content = path.read_bytes()
    assert content.startswith("\ufeff".encode())
    assert content.count(b"\r\n") == content.count(b"\n") == 3
    assert path.stat().st_mode & 0o777 == 0o640
    assert len(read_runs(path)) == 2


def test_a_link_to_a_table_stays_a_link(tmp_path):
    append_rows(tmp_path / "table.csv", [ROW])
    (tmp_path / "link.csv").symlink_to("table.csv")
    append_rows(tmp_path / "link.csv", [ROW | {"D": 2e6}])
    assert (tmp_path / "link.csv").is_symlink()
    assert len(read_runs(tmp_path / "table.csv")) == 2


def test_a_write_that_fails_leaves_the_old_table(tmp_path, monkeypatch):
    path = tmp_path / "table.csv"
    append_rows(path, [ROW])
    before = path.read_bytes()

    def full_disk(_: int) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full_disk)
        with pytest.raises(OSError, match="no space left"):
            append_rows(path, [ROW | {"D": 2e6}])
    assert path.read_bytes() == before
    append_rows(path, [ROW | {"D": 2e6}])
    assert len(read_runs(path)) == 2


def test_writing_a_table_to_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"`\.xlsx`"):
        write_runs(table_from_rows([ROW]), tmp_path / "table.xlsx")


# The appenders run on their own, without pytest's imports, which cost seconds.
APPENDER = """
import ast, sys
from bayeslaw.data.losses import append_rows
path, name, count, row = sys.argv[1:]
for i in range(int(count)):
    new = ast.literal_eval(row) | {"run": f"{name}-{i}"}
    append_rows(path, [new | {"D": 1e6 * (k + 1)} for k in range(5)])
    print(i, flush=True)
"""


def start_appender(path: Path, name: str, count: int) -> subprocess.Popen:
    command = [sys.executable, "-c", APPENDER, str(path), name, str(count), repr(ROW)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_appenders_at_the_same_time_lose_no_row_and_readers_see_whole_runs(tmp_path):
    path = tmp_path / "table.csv"
    appenders = [start_appender(path, f"a{i}", 20) for i in range(4)]
    seen = []
    while any(appender.poll() is None for appender in appenders):
        if path.exists():
            seen.append(validate(path))
    assert [appender.communicate()[0].split()[-1] for appender in appenders] == [
        "19"
    ] * 4
    assert all(summary["rows"] == 5 * summary["runs"] for summary in seen)
    assert [s["rows"] for s in seen] == sorted(s["rows"] for s in seen)
    assert validate(path)["rows"] == 4 * 20 * 5


def test_a_killed_appender_loses_no_finished_row(tmp_path):
    path = tmp_path / "table.csv"
    for attempt in range(5):
        appender = start_appender(path, f"k{attempt}", 10**6)
        first = appender.stdout.readline()
        time.sleep(0.01 + 0.007 * attempt)
        appender.send_signal(signal.SIGKILL)
        # What was acknowledged before the kill must be there; one more may be.
        finished = len((first + appender.communicate()[0]).split())
        columns = read_runs(path).columns["run"].tolist()
        runs = {run for run in columns if run.startswith(f"k{attempt}-")}
        assert finished <= len(runs) <= finished + 1
        assert len(columns) == 5 * len(set(columns))


@pytest.mark.parametrize("unknown", [{}, {"seed": None, "se": "NA", "flops": None}])
def test_validating_5000_rows_costs_less_than_half_a_cpu_second(tmp_path, unknown):
    path = tmp_path / "table.csv"
    rows = [row | unknown for i in range(1000) for row in run_rows(f"r{i}")]
    append_rows(path, rows)
    code = (
        "import sys, time; from bayeslaw.data.losses import validate, validate_report\n"
        "validate_report(validate(sys.argv[1])); print(time.process_time())"
    )
    command = [sys.executable, "-c", code, str(path)]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert float(out) < 0.5
