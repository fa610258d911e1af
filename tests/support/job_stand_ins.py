"""A cluster for tests: submitit's local executor, and jobs that do not train.

The jobs run the package's own `Task` in processes of their own; only the training of a
run is replaced, by `work_on` below. Imported by these processes too.
"""

import os
import signal
import sys
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bayeslaw.proxy.execution.task import Task
from bayeslaw.proxy.study.run_folder import RunFolder


def row(spec) -> dict:
    """A measured row of a run."""
    same = {"D": 512, "schedule": "cooled", "family": "germanic", "metric": "loss"}
    return {
        "run": spec.run,
        "value": 2.5,
        "versions": f"x; spec {spec.hash}",
        **same,
    }


def work_on(run: RunFolder) -> None:
    """Measures one row, and does what the file `deed` in the folder asks for."""
    if run.is_over:
        return
    run.forget_crash()
    run.beat(1024)
    deed = run.path / "deed"
    word = deed.read_text() if deed.exists() else ""
    deed.unlink(missing_ok=True)
    if word == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif word == "interrupted":
        # What Slurm sends before it stops a job; submitit requeues it.
        os.kill(os.getpid(), signal.SIGUSR2)
    elif word:
        run.fail(kind=word, reason=f"it {word}")
        return
    run.save_rows([row(run.read_spec())])
    run.finish(seconds=1.0, cpu_seconds=1.0)


@dataclass(frozen=True)
class StandIn(Task):
    """A task that measures without training."""

    def __call__(self) -> None:
        fake = types.ModuleType("bayeslaw.proxy.execution.worker")
        fake.work_on = work_on
        sys.modules[fake.__name__] = fake
        super().__call__()


class LocalQueue:
    """Jobs as processes of this machine, through submitit."""

    def __init__(self) -> None:
        self.jobs = {}

    def submit(self, tasks: Sequence[Task], logs: Path) -> list[str]:
        """Sends stand-ins for the tasks."""
        from bayeslaw.proxy.execution.slurm import import_submitit

        executor = import_submitit().LocalExecutor(logs)
        sent = executor.submit_array([StandIn(t.folders) for t in tasks])
        self.jobs |= {job.job_id: job for job in sent}
        return [job.job_id for job in sent]

    def ended_jobs(self, jobs: set[str]) -> Mapping[str, str]:
        """Those whose process has ended."""
        return {name: self.jobs[name].state for name in jobs if self.jobs[name].done()}

    def join(self) -> None:
        """Waits for all processes."""
        for job in self.jobs.values():
            job.wait()
