"""How far a study is, told from files written by hand: no process is asked."""

import dataclasses
import json
import os
import platform
import time

import pytest
from job_stand_ins import row
from proxy_studies import write_study

from bayeslaw.data.losses import append_rows
from bayeslaw.proxy.execution.measured_rows import collect
from bayeslaw.proxy.execution.status import STATES, read_status
from bayeslaw.proxy.study.run_folder import SILENCE_SECONDS, Heartbeat, RunFolder
from bayeslaw.proxy.study.study_file import expand, read_study
from bayeslaw.proxy.study.workload import count_rows, tokens_trained

TOTAL = 1024 + 128 + 256  # tokens of a run: trunk and two cooldowns


@pytest.fixture
def study(tmp_path):
    """A study of three runs, none begun: its path, specs and folders."""
    path = write_study(tmp_path, mixtures=("even", "some", "only"))
    specs = expand(read_study(path))
    runs = [RunFolder.of(tmp_path, spec) for spec in specs]
    for spec, run in zip(specs, runs, strict=True):
        run.prepare(spec)
    return path, specs, runs


def write_beat(run, *, host=None, age=0.0, tokens=704, seconds=10.0):
    """A heartbeat of a process that has done `tokens` in `seconds`, some time ago."""
    now = time.time() - age
    beat = Heartbeat(
        tokens,
        os.getpid(),
        host or platform.node(),
        now,
        now - seconds,
        first_tokens=64,
    )
    content = json.dumps(dataclasses.asdict(beat))
    (run.path / "heartbeat.json").write_text(content)


def states(path):
    return [run.state for run in read_status(path).runs]


def test_a_study_not_begun_waits_and_has_no_pace(study):
    path, specs, _ = study
    assert tokens_trained(specs[0]) == TOTAL
    status = read_status(path)
    assert [run.state for run in status.runs] == ["waiting"] * 3
    assert (status.rows_collected, status.rows_measured) == (0, 0)
    assert status.rows == 3 * count_rows(specs[0])
    assert status.seconds_left is None
    assert status.table() == []
    assert status.sentences()[0] == "tiny: 3 runs: 3 waiting."


def test_a_run_whose_lock_is_held_is_running_with_pace_and_time_left(study):
    path, _, runs = study
    write_beat(runs[0])
    with runs[0].locked():
        first, *others = read_status(path).runs
        status = read_status(path)
    assert first.state == "running"
    assert first.tokens_per_second == pytest.approx(64.0)
    assert first.seconds_left == pytest.approx((TOTAL - 704) / 64)
    assert [run.state for run in others] == ["waiting"] * 2
    # All three runs are of one size: what is left of them at the pace of one.
    assert status.seconds_left == pytest.approx((3 * TOTAL - 704) / 64)
    assert "left at the current pace" in status.sentences()[2]
    (shown,) = status.table()
    assert shown == ["a-even-seed0", "running", "704 of 1,408", "64", "0:00:11"]


def test_a_run_that_nobody_works_on_is_interrupted(study):
    path, _, runs = study
    write_beat(runs[0])
    assert states(path)[0] == "interrupted"
    assert read_status(path).runs[0].tokens_per_second is None


def test_a_heartbeat_of_another_machine_counts_while_it_is_young(study):
    path, _, runs = study
    write_beat(runs[0], host="elsewhere", age=SILENCE_SECONDS / 2)
    write_beat(runs[1], host="elsewhere", age=SILENCE_SECONDS * 2)
    assert states(path) == ["running", "interrupted", "waiting"]


def test_a_run_of_a_cluster_is_queued_until_it_runs(study):
    path, _, runs = study
    for run in runs:
        run.give_to("12_0")
    write_beat(runs[0])
    write_beat(runs[1], host="elsewhere")
    status = read_status(path)
    assert [run.state for run in status.runs] == ["queued", "running", "queued"]
    assert status.table()[0][1] == "queued, job 12_0"
    runs[0].take_back()
    assert states(path)[0] == "interrupted"


def test_failures_are_told_with_the_reason_until_the_run_finishes(study):
    path, _, runs = study
    runs[1].fail(kind="crashed", reason="Traceback\njob 12_1 ended as FAILED")
    status = read_status(path)
    assert status.count("failed") == 1
    assert status.sentences()[-1] == "failed: a-some-seed0: job 12_1 ended as FAILED"
    runs[1].finish(seconds=1.0, cpu_seconds=1.0)
    assert states(path)[1] == "finished"
    assert runs[1].failure == {}


def test_rows_in_folders_count_as_measured_and_rows_in_the_table_as_collected(study):
    path, specs, runs = study
    for spec, run in zip(specs[:2], runs[:2], strict=True):
        run.save_rows([row(spec)])
    status = read_status(path)
    assert (status.rows_collected, status.rows_measured) == (0, 2)
    assert (
        "0 of 24 rows in the table; `bayeslaw train` or --collect adds 2 more"
        in (status.sentences()[1])
    )
    collect(path.parent, runs[:1])
    status = read_status(path)
    assert (status.rows_collected, status.rows_measured) == (1, 2)


def test_a_table_without_folders_holds_finished_runs(tmp_path):
    path = write_study(tmp_path)
    (spec,) = expand(read_study(path))
    rows = [row(spec) | {"D": D} for D in range(count_rows(spec))]
    append_rows(tmp_path / "observations.csv", rows)
    status = read_status(path)
    assert states(path) == ["finished"]
    assert status.runs[0].tokens_done == status.runs[0].tokens
    # Reading makes no folder.
    assert not (tmp_path / "out").exists()


def test_the_counts_of_all_states_are_in_the_json(study):
    path, _, _ = study
    record = read_status(path).to_dict()
    assert list(record["counts"]) == list(STATES)
    assert sum(record["counts"].values()) == len(record["runs"]) == 3


def test_a_process_counts_its_pace_from_its_own_first_heartbeat(study, monkeypatch):
    _, _, runs = study
    write_beat(runs[0], host="elsewhere")
    runs[0].beat(768)
    beat = runs[0].heartbeat
    assert (beat.tokens, beat.first_tokens, beat.host) == (768, 768, platform.node())
    assert beat.tokens_per_second is None
    later = beat.time + 2
    monkeypatch.setattr(time, "time", lambda: later)
    runs[0].beat(896)
    assert runs[0].heartbeat.tokens_per_second == pytest.approx(64.0)
