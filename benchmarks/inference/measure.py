"""One command as a process: CPU of its whole tree, read from outside."""

import ctypes
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Cost:
    """User and system CPU seconds of a process and all its descendants; wall clock."""

    cpu_s: float
    wall_s: float


def run_measured(command: Sequence[str], log: Path, **variables: str) -> Cost:
    """Run a command to its end.

    The kernel adds a process's CPU to its parent's account when the parent waits for
    it. Processes whose parent went away without waiting become children of this one
    (Linux: child subreaper) and are waited for here, so that none is missed.

    Args:
      command: words of the command, run where the log is.
      log: gets its output.
      variables: added to the environment.
    """
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    start = time.monotonic()
    with log.open("w") as stream:
        process = subprocess.Popen(
            command,
            # Compilers of the engines leave files in the working folder.
            cwd=log.parent,
            stdout=stream,
            stderr=stream,
            env=_environment(variables),
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    cpu_s = usage.ru_utime + usage.ru_stime + _orphans_cpu()
    if process.returncode != 0:
        tail = "\n".join(log.read_text().splitlines()[-20:])
        raise RuntimeError(f"{' '.join(command)} failed, end of {log}:\n{tail}")
    return Cost(cpu_s, wall_s)


def _orphans_cpu() -> float:
    total = 0.0
    while True:
        try:
            usage = os.wait4(-1, 0)[2]
        except ChildProcessError:
            return total
        total += usage.ru_utime + usage.ru_stime


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    # The arrays are small: threads of BLAS would only spin.
    threads = dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
    )
    # Other environments do not have the repository: `-m benchmarks.inference.…`.
    path = {"PYTHONPATH": str(ROOT)}
    return {**os.environ, **threads, **path, **variables}
