"""The pool of training processes on this machine: one per core, one thread each."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import IO

from bayeslaw.errors import InputError
from bayeslaw.proxy.study import RunFolder

POLL_SECONDS = 0.5


class Pool:
    """The executor of this machine: processes fed with one run at a time.

    Args:
      size: number of processes; one per usable core if None.

    Raises:
      InputError: `size` is below 1.
    """

    def __init__(self, size: int | None = None):
        self._size = len(usable_cores()) if size is None else size
        if self._size < 1:
            raise InputError(
                "no training process",
                "argument size, option --workers",
                str(size),
                "a positive number of processes",
                "omit it to use every core",
            )

    def train(
        self, runs: list[RunFolder], out: Path, on_end: Callable[[RunFolder], None]
    ) -> Generator[None]:
        """Train all runs except those of cluster jobs; see `Executor`.

        Leaving the iteration early (Ctrl-C) ends the processes; their runs resume from
        their latest checkpoint next time.
        """
        waiting = [run for run in reversed(runs) if not run.job]
        slots = [Slot(number, out) for number in range(min(self._size, len(waiting)))]
        try:
            while waiting or any(slot.run for slot in slots):
                for slot in slots:
                    if run := slot.ended_run():
                        on_end(run)
                    if waiting and slot.run is None:
                        slot.give(waiting.pop())
                yield
                time.sleep(POLL_SECONDS)
        finally:
            for slot in slots:
                slot.stop()


class Slot:
    """One place in the pool: at most one process, replaced when it dies."""

    def __init__(self, number: int, logs: Path):
        self.run: RunFolder | None = None
        self._number = number
        self._log_path = logs / f"worker-{number}.log"
        self._process: subprocess.Popen[str] | None = None

    def give(self, run: RunFolder) -> None:
        """Let the process train a run; start it if necessary."""
        if self._process is None or self._process.poll() is not None:
            self._close_input()
            self._process = self._start()
        self.run = run
        assert self._process.stdin is not None
        # A process that has just died is noticed by the next poll.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(f"{run.path.absolute()}\n")
            self._process.stdin.flush()

    def ended_run(self) -> RunFolder | None:
        """The run if it has just ended; the run of a dead process counts as crashed."""
        if self.run is None or self._process is None:
            return None
        # Asked before the files are looked at: a process may finish in between.
        status = self._process.poll()
        over = self.run.is_finished or self.run.failure
        if status is not None and not over:
            reason = f"the training process ended with status {status}"
            self.run.fail(kind="crashed", reason=f"{reason}; see {self._log_path.name}")
        elif not over:
            return None
        run, self.run = self.run, None
        return run

    def stop(self) -> None:
        """End the process: at once if it is training, by closing its input if idle."""
        if self._process is None:
            return
        if self.run:
            self._process.terminate()
        self._close_input()
        self._process.wait()

    def _close_input(self) -> None:
        """Signal the process that no more runs follow."""
        if self._process and self._process.stdin:
            # A dead process has left what it did not read.
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()

    def _start(self) -> subprocess.Popen[str]:
        with open(self._log_path, "a", encoding="utf-8") as log:
            process = _spawn(log)
        cores = usable_cores()
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(process.pid, {cores[self._number % len(cores)]})
        return process


def usable_cores() -> list[int]:
    """Numbers of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def worker_settings() -> dict[str, str]:
    """Environment variables of every training process, here or on a cluster.

    One thread per process: sums are taken in a fixed order, so resume is exact, and
    processes do not compete for cores. The compilation cache is shared by all.
    """
    threads = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return {
        "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} {threads}".strip(),
        "OMP_NUM_THREADS": "1",
        "JAX_COMPILATION_CACHE_DIR": str(cache / "bayeslaw" / "xla"),
    }


def worker_environment() -> dict[str, str]:
    """Complete environment of a training process of the pool."""
    return os.environ | worker_settings()


def _spawn(log: IO[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bayeslaw.proxy.execution.worker"],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        env=worker_environment(),
        text=True,
        # Ctrl-C reaches the parent only, which ends its processes in order.
        start_new_session=True,
    )
