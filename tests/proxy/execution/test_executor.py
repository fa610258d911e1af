"""The pool and the table: nothing lost, nothing twice, one failure stops no other.

The training processes are stand-ins without jax, except in the slow test.
"""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from proxy_studies import write_study

import bayeslaw.proxy.execution.pool as pool_module
from bayeslaw.data.losses import append_rows
from bayeslaw.errors import InputError
from bayeslaw.proxy.execution.executor import collect_study, train_study
from bayeslaw.proxy.execution.measured_rows import collect
from bayeslaw.proxy.execution.pool import Pool
from bayeslaw.proxy.study.run_folder import RunFolder
from bayeslaw.proxy.study.study_file import expand, read_study
from bayeslaw.proxy.study.workload import count_rows, tokens_trained

# Finishes each run with one row; what else it does is put in at {deed}.
STAND_IN = """
import os, sys
from pathlib import Path
from bayeslaw.proxy.study.run_folder import RunFolder
for line in sys.stdin:
    folder = RunFolder(Path(line.rstrip()))
    spec = folder.read_spec()
    folder.beat(1024)
    folder.save_rows([{{
        "run": spec.run, "D": 512, "schedule": "cooled", "family": "germanic",
        "metric": "loss", "value": 2.5, "versions": f"x; spec {{spec.hash}}",
    }}])
    {deed}
    folder.finish(seconds=1.0, cpu_seconds=1.0)
"""


@pytest.fixture
def stand_in(monkeypatch):
    """Replaces the training process by a program that does not train."""

    def replace(deed: str = "pass") -> None:
        def spawn(log):
            return subprocess.Popen(
                [sys.executable, "-c", STAND_IN.format(deed=deed)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                text=True,
            )

        monkeypatch.setattr(pool_module, "_spawn", spawn)
        monkeypatch.setattr(pool_module, "POLL_SECONDS", 0.02)

    return replace


def study(folder):
    path = write_study(folder, mixtures=("even", "some", "only"))
    specs = expand(read_study(path))
    return path, specs, [RunFolder.of(folder, spec) for spec in specs]


def table(folder):
    with open(folder / "observations.csv", newline="", encoding="utf-8") as file:
        return [row["run"] for row in csv.DictReader(file)]


def test_every_run_is_trained_once_and_finished_runs_are_skipped(tmp_path, stand_in):
    stand_in()
    path, specs, _ = study(tmp_path)
    first = train_study(path, executor=Pool(2), progress=False)
    assert (first.trained, first.skipped, first.rows_added) == (3, 0, 3)
    assert first.tokens == 3 * 1024
    assert sorted(table(tmp_path)) == sorted(spec.run for spec in specs)
    second = train_study(path, executor=Pool(2), progress=False)
    assert (second.trained, second.skipped, second.rows_added) == (0, 3, 0)
    assert len(table(tmp_path)) == 3


def test_a_table_that_came_without_its_folders_is_not_measured_again(tmp_path):
    path, specs, _ = study(tmp_path)
    rows = [
        {
            "run": spec.run,
            "N": 1,
            "D": D,
            "schedule": schedule,
            "family": family,
            "metric": "loss",
            "versions": f"somewhere else; spec {spec.hash}",
        }
        for spec in specs
        for D in spec.tokens
        for schedule in ("trunk", "cooled")[not spec.training.evaluate_trunk :]
        for family in spec.corpus.families
    ]
    assert all(
        sum(row["run"] == spec.run for row in rows) == count_rows(spec)
        for spec in specs
    )
    append_rows(tmp_path / "observations.csv", rows)
    summary = train_study(path, progress=False)
    assert (summary.trained, summary.skipped, summary.rows_added) == (0, 3, 0)


def test_rows_measured_but_not_appended_are_appended_on_the_next_start(
    tmp_path, stand_in
):
    stand_in()
    path, _, runs = study(tmp_path)
    train_study(path, progress=False)
    lines = (tmp_path / "observations.csv").read_text().splitlines(keepends=True)
    (tmp_path / "observations.csv").write_text("".join(lines[:2]))
    assert train_study(path, progress=False).rows_added == 2
    assert len(set(table(tmp_path))) == 3
    assert collect(tmp_path, runs) == 0


def test_collecting_appends_what_was_measured_and_trains_nothing(tmp_path, stand_in):
    stand_in("spec.mixture_name == 'some' and os._exit(7)")
    path, specs, runs = study(tmp_path)
    nothing = collect_study(path)
    assert (nothing.trained, nothing.unfinished, nothing.rows_added) == (0, 3, 0)
    assert "3 runs are waiting or assigned to cluster jobs." in str(nothing)
    train_study(path, progress=False)
    (tmp_path / "observations.csv").unlink()
    summary = collect_study(path)
    assert (summary.trained, summary.skipped, summary.rows_added) == (0, 2, 3)
    # Tried again by the next `train`, and known as failed until then.
    assert list(summary.failed) == [specs[1].run]
    assert summary.unfinished == 0
    assert runs[1].has_crashed


def test_the_pool_leaves_alone_what_a_cluster_trains(tmp_path, stand_in):
    stand_in()
    path, specs, runs = study(tmp_path)
    runs[1].prepare(specs[1])
    runs[1].give_to("12_0")
    summary = train_study(path, executor=Pool(1), progress=False)
    assert (summary.trained, summary.unfinished, summary.failed) == (2, 1, {})
    assert sorted(table(tmp_path)) == sorted([specs[0].run, specs[2].run])


def test_a_process_that_dies_fails_its_run_only_and_the_run_is_tried_again(
    tmp_path, stand_in
):
    path, specs, runs = study(tmp_path)
    stand_in("spec.mixture_name == 'some' and os._exit(7)")
    summary = train_study(path, executor=Pool(1), progress=False)
    assert summary.trained == 2
    assert list(summary.failed) == [specs[1].run]
    assert "status 7" in summary.failed[specs[1].run]
    assert "2 runs trained, 0 skipped, 1 failed" in str(summary)
    assert specs[1].run in str(summary)
    assert summary.to_dict()["trained"] == 2
    assert runs[1].failure["kind"] == "crashed"
    # The row saved before the death is not lost.
    assert len(table(tmp_path)) == 3
    stand_in()
    again = train_study(path, executor=Pool(1), progress=False)
    assert (again.trained, again.failed) == (1, {})
    assert len(table(tmp_path)) == 3


def test_a_diverged_run_is_reported_and_not_tried_again(tmp_path, stand_in):
    path, specs, _ = study(tmp_path)
    stand_in(
        "if spec.mixture_name == 'some': "
        "folder.fail(kind='diverged', reason='loss is nan'); continue"
    )
    summary = train_study(path, executor=Pool(2), progress=False)
    assert summary.trained == 2
    assert summary.failed == {specs[1].run: "loss is nan"}
    stand_in("os._exit(1)")
    again = train_study(path, executor=Pool(2), progress=False)
    assert (again.trained, again.skipped) == (0, 3)
    assert again.failed == {specs[1].run: "loss is nan"}


def test_the_progress_bar_is_drawn_on_standard_error(tmp_path, stand_in, capfd):
    stand_in()
    path, _, _ = study(tmp_path)
    train_study(path, progress=True)
    out, err = capfd.readouterr()
    assert "3/3 runs" in err
    assert not out


def test_an_exception_in_the_parent_ends_the_processes(tmp_path, stand_in, monkeypatch):
    """As Ctrl-C does; the processes must not go on alone."""
    stand_in("import time; time.sleep(60)")
    path, _, runs = study(tmp_path)
    started = []
    spawn = pool_module._spawn
    monkeypatch.setattr(
        pool_module, "_spawn", lambda log: started.append(spawn(log)) or started[-1]
    )

    def interrupt(seconds):
        if any(run.read_rows() for run in runs):
            raise KeyboardInterrupt

    monkeypatch.setattr(pool_module.time, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train_study(path, executor=Pool(1), progress=False)
    assert [process.poll() for process in started] == [-signal.SIGTERM]


def test_a_table_of_other_settings_is_refused(tmp_path, stand_in):
    stand_in()
    path, specs, _ = study(tmp_path)
    train_study(path, progress=False)
    path.write_text(path.read_text().replace("warmup = 2", "warmup = 3"))
    with pytest.raises(InputError, match="other settings") as caught:
        train_study(path, progress=False)
    assert all(spec.run in str(caught.value) for spec in specs)


def test_a_study_is_trained_by_one_process_at_a_time(tmp_path, stand_in):
    import fcntl

    path, _, _ = study(tmp_path)
    (tmp_path / "out").mkdir()
    with open(tmp_path / "out" / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="another process"):
            train_study(path, progress=False)


def test_no_workers_are_refused():
    with pytest.raises(InputError, match="no training process"):
        Pool(0)


def test_the_trunk_is_counted_once(tmp_path):
    _, specs, _ = study(tmp_path)
    # Trunk to 1024, cooldowns of a quarter of 512 and of 1024.
    assert tokens_trained(specs[0]) == 1024 + 128 + 256


def trainers(runs):
    """Processes that still train one of the runs."""
    for run in runs:
        heartbeat = run.path / "heartbeat.json"
        if heartbeat.exists() and not run.is_finished:
            pid = json.loads(heartbeat.read_text())["pid"]
            command = Path(f"/proc/{pid}/cmdline")
            if (
                command.exists()
                and b"bayeslaw.proxy.execution.worker" in command.read_bytes()
            ):
                yield pid


@pytest.mark.slow
def test_a_killed_study_ends_with_the_table_of_an_unkilled_one(tmp_path):
    """Parent and trainer are killed at random moments, real training in between."""
    settings = {"mixtures": ("even", "some"), "tokens": (1024, 2048)}
    killed = write_study(tmp_path / "killed", **settings)
    whole = write_study(tmp_path / "whole", **settings)
    code = (
        "import sys; from bayeslaw.proxy.execution.executor import train_study;"
        "from bayeslaw.proxy.execution.pool import Pool;"
        "train_study(sys.argv[1], executor=Pool(1), progress=False)"
    )
    command = [sys.executable, "-c", code]
    runs = [RunFolder.of(killed.parent, spec) for spec in expand(read_study(killed))]
    for tokens in (300, 1500, 3000, 4000):
        parent = subprocess.Popen([*command, str(killed)])
        while parent.poll() is None and sum(r.tokens_done for r in runs) < tokens:
            time.sleep(0.01)
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        for pid in trainers(runs):
            os.kill(pid, signal.SIGKILL)
    for study_file in (killed, whole):
        subprocess.run([*command, str(study_file)], check=True, timeout=300)
    tables = [
        sorted((path.parent / "observations.csv").read_text().splitlines())
        for path in (killed, whole)
    ]
    assert tables[0] == tables[1]
    assert len(tables[0]) == 1 + 2 * 2 * 2 * 2
