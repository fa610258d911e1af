"""The executor of a cluster: runs as jobs of one array, watched or left alone.

A run's folder records which job trains it, so a later call finds the jobs of an earlier
one and submits no run twice.
"""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from bayeslaw.proxy.execution.task import Task
from bayeslaw.proxy.study import RunFolder

POLL_SECONDS = 10.0
# A run whose job has ended is given so long to show its last files, which on a shared
# file system other machines may see a minute late.
GRACE_SECONDS = 60.0
# Indices that clusters allow an array by default (Slurm: MaxArraySize = 1001).
MAX_JOBS = 1000


@runtime_checkable
class Queue(Protocol):
    """The interface of a cluster; `SlurmQueue` implements it."""

    def submit(self, tasks: Sequence[Task], logs: Path) -> list[str]:
        """Submit tasks as one array; return the names of their jobs, in order."""
        ...

    def ended_jobs(self, jobs: set[str]) -> Mapping[str, str]:
        """The jobs that will not run again, with the state in which they ended."""
        ...


class JobArray:
    """Trains runs as jobs of a cluster.

    Args:
      queue: the cluster.
      wait: whether to wait until all runs have ended. If not, a later call adds the
        rows to the table.
    """

    def __init__(self, queue: Queue, *, wait: bool = True):
        self._queue, self._wait = queue, wait
        self._ended_at: dict[RunFolder, float] = {}

    def train(
        self, runs: list[RunFolder], out: Path, on_end: Callable[[RunFolder], None]
    ) -> Generator[None]:
        """Submit the runs that no active job trains; see `Executor`.

        Leaving the iteration early (Ctrl-C) does not stop the jobs.
        """
        ended = self._queue.ended_jobs({run.job for run in runs if run.job})
        idle = [run for run in runs if not run.job or run.job in ended]
        if idle:
            self._submit(idle, out / "jobs")
        waiting = list(runs) if self._wait else []
        while waiting:
            # Asked before the files are looked at: a run may end in between.
            ended = self._queue.ended_jobs({run.job for run in waiting})
            for run in list(waiting):
                if self._is_over(run, ended):
                    waiting.remove(run)
                    run.take_back()
                    on_end(run)
            yield
            time.sleep(POLL_SECONDS)

    def _submit(self, runs: list[RunFolder], logs: Path) -> None:
        """Submit one job per run; beyond `MAX_JOBS`, each job trains several."""
        size = min(len(runs), MAX_JOBS)
        shares = [runs[first::size] for first in range(size)]
        tasks = [Task(tuple(run.path.absolute() for run in share)) for share in shares]
        jobs = self._queue.submit(tasks, logs.absolute())
        for job, share in zip(jobs, shares, strict=True):
            for run in share:
                run.give_to(job)

    def _is_over(self, run: RunFolder, ended: Mapping[str, str]) -> bool:
        """Whether the run has ended; an end without a record is recorded as a crash."""
        if run.is_over or run.failure:
            return True
        if run.job not in ended:
            self._ended_at.pop(run, None)
            return False
        now = time.monotonic()
        if now - self._ended_at.setdefault(run, now) < GRACE_SECONDS:
            return False
        reason = f"job {run.job} ended as {ended[run.job]}; see out/jobs/{run.job}*"
        run.fail(kind="crashed", reason=reason)
        return True
