"""Run independent jobs on several cores."""

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

from bayeslaw.corpora.progress import Report

POLL_SECONDS = 1.0


def run_jobs[Job](
    do: Callable[[Job], None],
    jobs: Sequence[Job],
    *,
    stage: str,
    report: Report,
    workers: int | None = None,
) -> None:
    """Run all jobs; each writes its result to a file.

    Args:
      do: a module-level function, so that other processes can import it.
      jobs: the jobs, the longest first if they differ much.
      stage: name of the stage in reports.
      report: called after each job.
      workers: processes; one per core if None. With one, all runs in this process.
    """
    size = min(workers or usable_cores(), len(jobs))
    report(stage, 0, len(jobs))
    if size <= 1:
        for done, job in enumerate(jobs, 1):
            do(job)
            report(stage, done, len(jobs))
        return
    # Started afresh and not forked: the parent may have threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(size, context, _watch_parent, (os.getpid(),)) as pool:
        futures = [pool.submit(do, job) for job in jobs]
        try:
            for done, future in enumerate(as_completed(futures), 1):
                future.result()
                report(stage, done, len(jobs))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _watch_parent(parent: int) -> None:
    """End this process when its parent is gone, so that a killed build leaves none."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(POLL_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def usable_cores() -> int:
    """Number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
