"""Runs as jobs of an array: each sent once, watched or left alone, nothing lost.

The jobs go through submitit's local executor; see `job_stand_ins`.
"""

import csv
import time
from pathlib import Path

import pytest
from job_stand_ins import LocalQueue
from proxy_studies import write_study

import bayeslaw.proxy.execution.job_array as array_module
from bayeslaw.proxy.execution.executor import train_study
from bayeslaw.proxy.execution.job_array import JobArray
from bayeslaw.proxy.execution.pool import Pool
from bayeslaw.proxy.study.run_folder import RunFolder
from bayeslaw.proxy.study.study_file import expand, read_study

SUPPORT = Path(__file__).parents[2] / "support"


@pytest.fixture
def queue(monkeypatch):
    """A cluster whose jobs find the tests' modules, and are asked about often."""
    monkeypatch.setenv("PYTHONPATH", f"{SUPPORT}:{SUPPORT.parents[1]}")
    monkeypatch.setattr(array_module, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(array_module, "GRACE_SECONDS", 0.2)
    queue = LocalQueue()
    yield queue
    queue.join()


def study(folder, **deeds):
    """The study file and its runs; a deed is what the job of a mixture does."""
    path = write_study(folder, mixtures=("even", "some", "only"))
    specs = expand(read_study(path))
    runs = {spec.mixture_name: RunFolder.of(folder, spec) for spec in specs}
    for spec in specs:
        run = runs[spec.mixture_name]
        run.prepare(spec)
        if deed := deeds.get(spec.mixture_name):
            (run.path / "deed").write_text(deed)
    return path, runs


def table(folder):
    with open(folder / "observations.csv", newline="", encoding="utf-8") as file:
        return sorted(row["run"].split("-")[1] for row in csv.DictReader(file))


def train(path, queue, **options):
    return train_study(path, executor=JobArray(queue, **options), progress=False)


def test_every_run_is_a_job_and_its_rows_come_into_the_table(tmp_path, queue):
    path, _ = study(tmp_path)
    first = train(path, queue)
    assert (first.trained, first.unfinished, first.rows_added) == (3, 0, 3)
    assert table(tmp_path) == ["even", "only", "some"]
    assert len(queue.jobs) == 3
    again = train(path, queue)
    assert (again.trained, again.skipped, again.rows_added) == (0, 3, 0)
    assert len(queue.jobs) == 3


@pytest.mark.slow
def test_without_waiting_the_next_call_of_any_kind_collects(tmp_path, queue):
    path, runs = study(tmp_path)
    sent = train(path, queue, wait=False)
    assert sent.trained + sent.unfinished == 3
    assert {run.job for run in runs.values()} == set(queue.jobs)
    queue.join()
    collected = train_study(path, executor=Pool(1), progress=False)
    assert (collected.skipped, collected.rows_added) == (3, 3)


def test_a_run_whose_job_lives_is_not_sent_again(tmp_path, queue):
    path, _ = study(tmp_path)
    train(path, queue, wait=False)
    waited = train(path, queue)
    assert (waited.failed, waited.unfinished) == ({}, 0)
    assert len(queue.jobs) == 3
    assert table(tmp_path) == ["even", "only", "some"]


def test_a_job_that_must_leave_its_node_is_requeued_and_loses_nothing(tmp_path, queue):
    path, _ = study(tmp_path, some="interrupted")
    summary = train(path, queue)
    assert (summary.trained, summary.failed) == (3, {})
    assert table(tmp_path) == ["even", "only", "some"]
    logs = [log.read_text() for log in (tmp_path / "out/jobs").glob("*_log.out")]
    assert sum("Calling checkpoint method" in log for log in logs) == 1


def test_a_killed_job_fails_its_run_by_name_and_the_next_call_sends_it_again(
    tmp_path, queue
):
    path, _ = study(tmp_path, some="killed")
    summary = train(path, queue)
    assert (summary.trained, list(summary.failed)) == (2, ["a-some-seed0"])
    reason = summary.failed["a-some-seed0"]
    (job,) = (name for name in queue.jobs if f"job {name} ended" in reason)
    assert list((tmp_path / "out/jobs").glob(f"{job}*"))
    assert table(tmp_path) == ["even", "only"]
    again = train(path, queue)
    assert (again.trained, again.skipped, again.failed) == (1, 2, {})
    assert table(tmp_path) == ["even", "only", "some"]


@pytest.mark.slow
def test_one_failure_in_a_job_of_several_runs_stops_no_other(
    tmp_path, queue, monkeypatch
):
    monkeypatch.setattr(array_module, "MAX_JOBS", 1)
    path, _ = study(tmp_path, even="crashed", some="diverged")
    summary = train(path, queue)
    assert len(queue.jobs) == 1
    assert summary.trained == 1
    assert summary.failed == {
        "a-even-seed0": "it crashed",
        "a-some-seed0": "it diverged",
    }
    (job,) = queue.jobs.values()
    assert "it crashed" in str(job.exception())
    again = train(path, queue)
    assert (again.trained, again.skipped) == (1, 2)
    assert table(tmp_path) == ["even", "only"]


@pytest.mark.slow
def test_leaving_the_wait_leaves_the_jobs(tmp_path, queue, monkeypatch):
    """As Ctrl-C does."""
    path, _ = study(tmp_path)
    sleep = time.sleep

    def interrupt(seconds):
        # submitit sleeps too while it submits.
        if queue.jobs:
            raise KeyboardInterrupt
        sleep(seconds)

    with monkeypatch.context() as patch:
        patch.setattr(array_module.time, "sleep", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train(path, queue)
    summary = train(path, queue)
    assert len(queue.jobs) == 3
    assert summary.failed == {}
    assert table(tmp_path) == ["even", "only", "some"]
