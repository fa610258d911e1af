"""Slurm as a queue: job arrays submitted by submitit, states read from squeue."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType

from bayeslaw.errors import InputError, require_extra
from bayeslaw.proxy.execution.job_array import MAX_JOBS
from bayeslaw.proxy.execution.task import Task

Option = str | int | bool

# Options of sbatch unless the user gives others. A job whose time is up is queued again
# and goes on from the latest checkpoint, so the limit decides nothing.
DEFAULTS: dict[str, Option] = {"cpus_per_task": 1, "time": 60, "requeue": True}
# A job that is stopped this often, by its time limit or for another job, gives up.
MAX_STOPS = 20
# Options of sbatch that the array itself needs.
RESERVED = ("array", "error", "open_mode", "output", "signal")
FORGOTTEN = "FORGOTTEN"  # our word for a job that Slurm no longer lists
# States in which a job will not run again, unless somebody queues it by hand.
ENDED = frozenset(
    "BOOT_FAIL CANCELLED COMPLETED DEADLINE FAILED NODE_FAIL OUT_OF_MEMORY PREEMPTED "
    f"REVOKED TIMEOUT {FORGOTTEN}".split()
)
# Slurm may not answer for so long, as when its controller is started anew.
PATIENCE_SECONDS = 600.0


class SlurmQueue:
    """The Slurm cluster of this machine.

    Args:
      options: options of sbatch, with underscores for hyphens, such as
        `{"partition": "cpu", "mem": "4G"}`; True for an option without a value.
      array_cap: jobs of the array that may run at a time; no limit if None.

    Raises:
      InputError: Slurm or submitit is not installed, or an option is reserved.
    """

    def __init__(
        self,
        options: Mapping[str, Option] | None = None,
        *,
        array_cap: int | None = None,
    ):
        self._options = DEFAULTS | dict(options or {})
        self._cap = array_cap or MAX_JOBS
        self._last_answer = time.monotonic()
        _check_installed()
        _check_options(self._options)

    def submit(self, tasks: Sequence[Task], logs: Path) -> list[str]:
        """Submit tasks as one array; return the IDs of their jobs, such as `12_3`.

        Raises:
          InputError: Slurm rejects the jobs.
        """
        submitit = import_submitit()
        executor = submitit.SlurmExecutor(logs, max_num_timeout=MAX_STOPS)
        executor.update_parameters(
            job_name="bayeslaw",
            array_parallelism=self._cap,
            wckey=None,
            additional_parameters=self._options,
        )
        try:
            jobs = executor.submit_array(tasks)
        except submitit.core.utils.FailedJobError as error:
            raise InputError(
                "Slurm rejects the jobs",
                "sbatch, options --slurm-option",
                str(error).strip(),
                "options that this cluster accepts",
                "correct the options; `sinfo` lists the partitions",
            ) from error
        return [job.job_id for job in jobs]

    def ended_jobs(self, jobs: set[str]) -> dict[str, str]:
        """The jobs that have ended, with their state.

        A job that Slurm no longer lists has ended too. While Slurm does not respond, no
        job is considered ended.
        """
        try:
            states = _read_states()
        except (OSError, subprocess.SubprocessError) as error:
            self._check_patience(error)
            return {}
        self._last_answer = time.monotonic()
        known = {job: states.get(job, FORGOTTEN) for job in jobs}
        return {job: state for job, state in known.items() if state in ENDED}

    def _check_patience(self, error: Exception) -> None:
        if time.monotonic() - self._last_answer < PATIENCE_SECONDS:
            return
        raise InputError(
            "Slurm does not respond",
            "command squeue",
            str(error),
            f"an answer within {PATIENCE_SECONDS:.0f} seconds",
            "try the same command later; running jobs continue and nothing is lost",
        ) from error


def import_submitit() -> ModuleType:
    """The package submitit, without the logging that it sets up when imported.

    That would close the handlers of others and print on standard output, where the
    JSON goes. In the jobs it stays as it is: their logs tell when they are requeued.
    """
    name = "SUBMITIT_LOG_LEVEL"
    before = os.environ.get(name)
    os.environ[name] = "NOCONFIG"
    try:
        import submitit
    finally:
        del os.environ[name]
        if before is not None:
            os.environ[name] = before
    return submitit


def read_options(words: Iterable[str]) -> dict[str, Option]:
    """Parse options of sbatch from words such as `partition=cpu` or `exclusive`.

    Raises:
      InputError: a word is not an option.
    """
    options: dict[str, Option] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not re.fullmatch(r"[a-z][a-z-]+", name) or (equals and not value):
            raise InputError(
                "not an option of sbatch",
                "option --slurm-option",
                word,
                "NAME=VALUE, or NAME alone, as after `sbatch --`",
                "write for example: --slurm-option partition=cpu",
            )
        options[name.replace("-", "_")] = value if equals else True
    return options


def _read_states() -> dict[str, str]:
    """States of this user's jobs by ID, including ended jobs that Slurm still lists."""
    words = ("--me", "--array", "--states=all", "--noheader", "--format=%i %T")
    shown = subprocess.run(
        ["squeue", *words], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    return dict(line.split() for line in shown.splitlines())


def _check_installed() -> None:
    programs = ("sbatch", "squeue", "srun")
    if missing := [name for name in programs if shutil.which(name) is None]:
        raise InputError(
            "Slurm is not installed on this machine",
            "option --executor slurm",
            f"no {' and no '.join(missing)} on PATH",
            "a machine from which Slurm jobs can be submitted",
            "log in there, or omit --executor slurm to train on this machine",
        )
    require_extra("submitit", "slurm", "option --executor slurm")


def _check_options(options: Mapping[str, Option]) -> None:
    if taken := [name for name in RESERVED if name in options]:
        raise InputError(
            "option is set by bayeslaw",
            "option --slurm-option",
            ", ".join(name.replace("_", "-") for name in taken),
            "any other option of sbatch",
            "remove it; use --array-cap to limit how many jobs run at a time",
        )
