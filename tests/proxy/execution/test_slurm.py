"""Slurm as a queue: what sbatch is given, what squeue is asked, what is refused.

The programs are stand-ins; `tests/slurm` has the test with a real Slurm.
"""

import subprocess
import sys
from pathlib import Path

import pytest
from cluster_fixtures import slurm
from helpers import assert_five_parts

import bayeslaw.proxy.execution.slurm as slurm_module
from bayeslaw.errors import InputError
from bayeslaw.proxy.execution.slurm import SlurmQueue, read_options
from bayeslaw.proxy.execution.task import Task

__all__ = ["slurm"]  # a fixture

REFUSAL = "echo sbatch: error: invalid partition specified: moon >&2; exit 1"


def submitted(queue: SlurmQueue, folder: Path, number: int) -> list[str]:
    return queue.submit([Task((folder / f"run{i}",)) for i in range(number)], folder)


def test_an_array_has_the_cap_the_options_and_a_place_for_logs(slurm, tmp_path):
    script = slurm()
    options = read_options(["partition=cpu", "mem=4G", "time=1-00:00:00", "exclusive"])
    queue = SlurmQueue(options, array_cap=2)
    assert submitted(queue, tmp_path / "jobs", 3) == ["12_0", "12_1", "12_2"]
    lines = script.read_text().splitlines()
    flags = [line.removeprefix("#SBATCH --") for line in lines if "#SBATCH" in line]
    wanted = ("array=0-2%2", "partition=cpu", "mem=4G", "exclusive", "requeue")
    more = ("cpus-per-task=1", "time=1-00:00:00", "job-name=bayeslaw")
    assert set(wanted + more) <= set(flags)
    assert f"output={tmp_path}/jobs/%A_%a_0_log.out" in flags
    assert not any("wckey" in flag for flag in flags)
    # One pickled task for each job, where the job will look for it.
    assert len(list((tmp_path / "jobs").glob("12_*_submitted.pkl"))) == 3


def test_without_a_cap_all_jobs_may_run_and_the_time_limit_is_an_hour(slurm, tmp_path):
    script = slurm()
    submitted(SlurmQueue(), tmp_path / "jobs", 3)
    assert "#SBATCH --array=0-2%3" in script.read_text()
    assert "#SBATCH --time=60\n" in script.read_text()


def test_a_single_run_is_a_job_without_an_array(slurm, tmp_path):
    script = slurm()
    assert submitted(SlurmQueue(), tmp_path / "jobs", 1) == ["12"]
    assert "--array" not in script.read_text()


def test_jobs_have_ended_if_slurm_says_so_or_has_forgotten_them(slurm):
    slurm(squeue="printf '12_0 RUNNING\\n12_1 FAILED\\n12_2 PENDING\\n9 COMPLETED\\n'")
    jobs = {"12_0", "12_1", "12_2", "12_3"}
    ended = SlurmQueue().ended_jobs(jobs)
    assert ended == {"12_1": "FAILED", "12_3": "FORGOTTEN"}


def test_while_slurm_does_not_answer_no_job_has_ended(slurm, monkeypatch):
    slurm(squeue="echo slurm_load_jobs error: Unable to contact >&2; exit 1")
    queue = SlurmQueue()
    assert queue.ended_jobs({"12_0"}) == {}
    monkeypatch.setattr(slurm_module, "PATIENCE_SECONDS", 0.0)
    with pytest.raises(InputError, match="Slurm does not respond") as caught:
        queue.ended_jobs({"12_0"})
    assert_five_parts(str(caught.value))


def test_a_refusal_is_told_in_slurms_words(slurm, tmp_path):
    slurm(sbatch=REFUSAL)
    with pytest.raises(InputError, match="invalid partition specified: moon") as caught:
        submitted(SlurmQueue({"partition": "moon"}), tmp_path / "jobs", 2)
    assert_five_parts(str(caught.value))


@pytest.mark.parametrize("word", ["Partition=cpu", "=cpu", "partition=", "a b=1", ""])
def test_what_is_no_option_of_sbatch_is_refused(word):
    with pytest.raises(InputError, match="not an option of sbatch") as caught:
        read_options(["mem=4G", word])
    assert_five_parts(str(caught.value))


def test_options_that_the_array_needs_are_refused(slurm):
    slurm()
    with pytest.raises(InputError, match="open-mode") as caught:
        SlurmQueue(read_options(["open-mode=truncate"]))
    assert_five_parts(str(caught.value))


def test_a_machine_without_slurm_is_told_so(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="no sbatch and no squeue") as caught:
        SlurmQueue()
    assert_five_parts(str(caught.value))


def test_an_installation_without_submitit_is_told_so(slurm, monkeypatch):
    slurm()
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(InputError, match=r"bayeslaw\[slurm\]") as caught:
        SlurmQueue()
    assert_five_parts(str(caught.value))


def test_submitit_leaves_the_logging_of_others_alone():
    """Its own set-up closes every handler there is, and prints on standard output."""
    code = (
        "import logging, os;"
        "from bayeslaw.proxy.execution.slurm import import_submitit;"
        "handler = logging.StreamHandler(); before = list(logging._handlerList);"
        "import_submitit();"
        "assert logging._handlerList == before;"
        "assert logging.getLogger('submitit').handlers == [];"
        "assert 'SUBMITIT_LOG_LEVEL' not in os.environ"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
