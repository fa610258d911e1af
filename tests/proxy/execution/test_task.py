"""One run in the process that is asked for it: what a pod or a job does."""

import subprocess
import sys
import time

import pytest
from cluster_fixtures import worked_on
from helpers import assert_five_parts
from proxy_studies import write_study

import bayeslaw.proxy.execution.task as task_module
from bayeslaw.errors import InputError
from bayeslaw.proxy.execution.executor import collect_study, train_study
from bayeslaw.proxy.execution.pool import Pool
from bayeslaw.proxy.execution.task import Task, train_numbered
from bayeslaw.proxy.study.run_folder import RunFolder
from bayeslaw.proxy.study.study_file import expand, read_study

__all__ = ["worked_on"]  # a fixture

COMMAND = "from bayeslaw.cli.main import main; main()"


def test_a_number_names_a_run_in_the_order_of_the_study(tmp_path, worked_on):
    path = write_study(tmp_path, mixtures=("even", "some", "only"))
    specs = expand(read_study(path))
    for index in (2, 0):
        assert train_numbered(path, index).is_finished
    assert worked_on == [RunFolder.of(tmp_path, specs[i]) for i in (2, 0)]
    # The table is left to the process that collects.
    assert not (tmp_path / "observations.csv").exists()
    assert collect_study(path).rows_added == 2


def test_a_run_whose_rows_are_in_the_table_is_not_trained(
    tmp_path, worked_on, monkeypatch
):
    path = write_study(tmp_path)
    monkeypatch.setattr(task_module, "count_rows", lambda spec: 1)
    train_numbered(path, 0)
    collect_study(path)
    train_numbered(path, 0)
    assert len(worked_on) == 1


@pytest.mark.parametrize("index", [-1, 3])
def test_a_number_beyond_the_runs_is_refused(tmp_path, index):
    path = write_study(tmp_path, mixtures=("even", "some", "only"))
    with pytest.raises(InputError, match="from 0 to 2") as caught:
        train_numbered(path, index)
    assert_five_parts(str(caught.value))


def test_a_task_fails_if_a_run_crashed_and_not_if_one_diverged(tmp_path, worked_on):
    path = write_study(tmp_path, mixtures=("even", "some"))
    runs = [RunFolder.of(tmp_path, spec) for spec in expand(read_study(path))]
    for run, spec in zip(runs, expand(read_study(path)), strict=True):
        run.prepare(spec)
    (runs[0].path / "deed").write_text("diverged")
    Task((runs[0].path,))()
    (runs[1].path / "deed").write_text("crashed")
    with pytest.raises(RuntimeError, match="it crashed"):
        Task((runs[1].path, runs[0].path))()
    # A second attempt of the same job forgets the crash.
    Task((runs[1].path,))()
    assert (runs[0].is_over, runs[1].is_finished) == (True, True)


@pytest.mark.slow
def test_processes_killed_and_started_again_end_with_the_table_of_the_pool(tmp_path):
    """As pods of an Indexed Job do; a second pod of one run finds it done."""
    settings = {"mixtures": ("even", "some"), "tokens": (1024, 2048)}
    whole = write_study(tmp_path / "whole", **settings)
    train_study(whole, executor=Pool(1), progress=False)
    path = write_study(tmp_path / "pods", **settings)
    runs = [RunFolder.of(path.parent, spec) for spec in expand(read_study(path))]
    train = [sys.executable, "-c", COMMAND, "train", str(path)]
    for index, run in enumerate(runs):
        pod = [*train, "--index", str(index)]
        with subprocess.Popen(pod) as killed:
            while run.tokens_done < 1500:
                assert killed.poll() is None
                time.sleep(0.01)
            killed.kill()
        assert not run.is_finished
        pods = [subprocess.Popen(pod) for _ in range(2)]
        assert [pod.wait(timeout=180) for pod in pods] == [0, 0]
    subprocess.run([*train, "--collect"], check=True)
    tables = [p.parent / "observations.csv" for p in (path, whole)]
    first, second = (sorted(table.read_text().splitlines()) for table in tables)
    assert first == second
