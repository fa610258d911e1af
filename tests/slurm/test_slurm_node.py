"""A study on a real Slurm of one node: whatever stops its jobs, the table is the same.

`start` beside this file says which programs it needs.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from proxy_studies import write_study

from bayeslaw.proxy.execution.executor import train_study
from bayeslaw.proxy.execution.pool import Pool
from bayeslaw.proxy.study.run_folder import RunFolder
from bayeslaw.proxy.study.study_file import expand, read_study

HERE = Path(__file__).parent
NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "srun")
MISSING = [name for name in NEEDED if shutil.which(name) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"Slurm lacks {', '.join(MISSING)}"),
    pytest.mark.skipif(os.geteuid() != 0, reason="slurmd needs root"),
]
# The command line, asking Slurm more often than it would.
COMMAND = (
    "import bayeslaw.proxy.execution.job_array as array;"
    "from bayeslaw.cli.main import main;"
    "array.POLL_SECONDS, array.GRACE_SECONDS = 0.5, 2.0; main()"
)
Stop = Callable[[RunFolder], None]


@pytest.fixture
def node(tmp_path, monkeypatch) -> Iterator[None]:
    """A Slurm of one node with two places for jobs."""
    folder = tmp_path / "node"
    monkeypatch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
    monkeypatch.setenv("PYTHONPATH", str(HERE.parents[1]))
    try:
        subprocess.run([HERE / "start", folder], check=True, timeout=120)
        yield
    finally:
        subprocess.run([HERE / "stop", folder], check=True, timeout=120)


@pytest.fixture
def start(node) -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts `bayeslaw train PATH --executor slurm` with more words."""
    begun = []

    def start(path: Path, *words: str) -> subprocess.Popen:
        command = [sys.executable, "-c", COMMAND, "train", path]
        command += ["--executor", "slurm", *words]
        begun.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return begun[-1]

    yield start
    for process in begun:
        process.kill()
        process.communicate()


def requeue(run: RunFolder) -> None:
    """As an administrator does, or Slurm itself for a job of higher priority."""
    subprocess.run(["scontrol", "requeue", run.job], check=True)


def announce_the_end(run: RunFolder) -> None:
    """As Slurm does some time before the limit of a job."""
    subprocess.run(["scancel", "--signal=USR2", run.job], check=True)


def kill_the_process(run: RunFolder) -> None:
    """As Linux does when memory runs out."""
    os.kill(run.heartbeat.pid, 9)


def lose_the_node(run: RunFolder) -> None:
    """Takes the node out of service with all its jobs, and later puts it back."""
    name = subprocess.check_output(["hostname", "-s"], text=True).strip()
    update = ["scontrol", "update", f"nodename={name}"]
    subprocess.run([*update, "state=down", "reason=test"], check=True)
    time.sleep(3)
    subprocess.run([*update, "state=resume"], check=True)


def running_jobs() -> list[str]:
    words = ["squeue", "--array", "--noheader", "--states=running", "--format=%i"]
    return subprocess.check_output(words, text=True).split()


def disturb(
    parent: subprocess.Popen, runs: dict[str, RunFolder], stops: list[tuple]
) -> int:
    """Stops jobs while the parent waits; returns how many ran at a time at most.

    Each stop is (mixture, tokens trained by then, what happens).
    """
    most, left = 0, list(stops)
    while parent.poll() is None:
        jobs = running_jobs()
        most = max(most, len(jobs))
        for stop in list(left):
            mixture, tokens, happen = stop
            run = runs[mixture]
            # A requeued job may train for a moment after Slurm has taken it back.
            if run.job in jobs and run.is_running and run.tokens_done >= tokens:
                happen(run)
                left.remove(stop)
        time.sleep(0.02)
    assert left == []
    return most


def said(process: subprocess.Popen) -> str:
    """What a command that ends well prints."""
    out, _ = process.communicate(timeout=180)
    assert process.returncode == 0
    return out


def table(path: Path) -> list[str]:
    return sorted((path.parent / "observations.csv").read_text().splitlines())


def test_stopped_jobs_end_with_the_table_of_the_local_pool(tmp_path, start):
    """Requeued, told to leave, killed, on a lost node: no row is lost or doubled."""
    settings = {"mixtures": ("even", "some", "only"), "tokens": (4096, 8192)}
    whole = write_study(tmp_path / "whole", **settings)
    train_study(whole, executor=Pool(1), progress=False)
    path = write_study(tmp_path / "cluster", **settings)
    specs = expand(read_study(path))
    runs = {spec.mixture_name: RunFolder.of(path.parent, spec) for spec in specs}
    parent = start(path, "--array-cap", "1", "--slurm-option", "time=10")
    stops = [
        ("even", 1000, requeue),
        ("even", 5000, announce_the_end),
        ("some", 2000, kill_the_process),
        ("only", 3000, lose_the_node),
    ]
    assert disturb(parent, runs, stops) == 1
    first = said(parent)
    assert "2 runs trained, 0 skipped, 1 failed" in first
    assert "failed: a-some-seed0: job " in first
    assert "ended as FAILED" in first
    restarts = (path.parent / "out/jobs").glob("*_log.out")
    starts = [log.read_text().count("Starting with") for log in restarts]
    # Three stops that Slurm heals by itself, one that waits for the next call.
    assert sorted(starts) == [1, 2, 3]
    assert "1 runs trained, 2 skipped, 0 failed" in said(start(path))
    assert table(path) == table(whole)
    assert len(table(path)) == 1 + 3 * 2 * 2 * 2


def test_without_waiting_the_next_call_collects(tmp_path, start):
    path = write_study(tmp_path / "cluster", mixtures=("even", "some"))
    assert "2 runs wait or are with a cluster" in said(start(path, "--no-wait"))
    # The second call finds the jobs of the first: no job more.
    assert "2 runs trained, 0 skipped, 0 failed; 16 obs" in said(start(path))
    assert len(list((path.parent / "out/jobs").glob("*_submitted.pkl"))) == 2
