"""Jobs that do not depend on each other, on several cores."""

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
    """Do all jobs, each of which leaves its result in a file.

    Args:
      do: a function of a module, so that other processes find it.
      jobs: what to do, the longest first if they differ much.
      stage: name of the stage in reports.
      report: told after each job.
      workers: processes; one a core if None. With one, all is done in this process.
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
    """End this process when its parent is gone: a killed build leaves none behind."""

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
