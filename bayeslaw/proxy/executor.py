"""Runs a study on the local machine: one single-threaded process per core.

The parent alone writes the observation table. What a run measured lies in its folder
first, so whatever is killed, the next start finds the rows and appends those missing.
"""

import contextlib
import csv
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from bayeslaw.errors import InputError
from bayeslaw.proxy.config import RunSpec
from bayeslaw.proxy.folder import Row, RunFolder
from bayeslaw.proxy.schedule import legs
from bayeslaw.proxy.study import expand, read_study
from bayeslaw.runs import append_rows

POLL_SECONDS = 0.5
TABLE = "observations.csv"
# What makes a row one and the same measurement.
KEY = ("run", "D", "schedule", "family", "metric")


@dataclass(frozen=True)
class Summary:
    """What `train_study` did."""

    trained: int  # runs finished now
    skipped: int  # runs that were finished before
    failed: dict[str, str]  # run -> reason
    rows_added: int  # observations appended to the table
    tokens: int  # tokens trained now
    seconds: float  # wall time


@dataclass
class Worker:
    """A training process, fed with one run at a time."""

    process: subprocess.Popen[str]
    log: IO[str]
    run: tuple[RunSpec, RunFolder] | None = None


@dataclass
class Pool:
    """The runs still to do, and the processes that do them."""

    folder: Path  # folder of the study
    waiting: list[RunSpec]  # longest last: `pop` takes it first
    cores: list[int]  # one worker each; empty entries are never reused
    workers: dict[int, Worker] = field(default_factory=dict)


def train_study(
    path: str | Path, *, workers: int | None = None, progress: bool = True
) -> Summary:
    """Trains every run of a study that is not finished, and appends its observations.

    Args:
      path: the study file; `observations.csv` and `out/` lie beside it.
      workers: training processes; one per usable core if None.
      progress: whether to draw a progress bar on standard error.

    Returns:
      what was done. Failed runs are listed with the reason; the others went on.

    Raises:
      InputError: the study file is wrong, or another process trains this study.
    """
    began, path = time.monotonic(), Path(path)
    specs, folder = expand(read_study(path)), path.parent
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    count = min(workers or len(cores) or os.cpu_count() or 1, len(specs))
    if count < 1:
        raise InputError(
            "nothing to train with",
            "argument workers",
            str(workers),
            "a positive number of processes",
            "leave it out to use every core",
        )
    with _study_lock(folder):
        _check_table(folder, specs)
        rows_added = collect(folder, specs)
        todo = [spec for spec in specs if not _is_over(folder, spec)]
        before = sum(RunFolder.of(folder, spec).tokens_done for spec in todo)
        for spec in todo:
            RunFolder.of(folder, spec).prepare(spec)
        pool = Pool(folder, sorted(todo, key=_work), list(range(count)))
        with _bar(progress) as bar, _terminated(pool):
            rows_added += _drive(pool, specs, cores, bar)
    after = sum(RunFolder.of(folder, spec).tokens_done for spec in todo)
    failed = {
        spec.run: reason
        for spec in specs
        if (reason := RunFolder.of(folder, spec).failure.get("reason"))
    }
    return Summary(
        trained=sum(RunFolder.of(folder, spec).is_finished for spec in todo),
        skipped=len(specs) - len(todo),
        failed=failed,
        rows_added=rows_added,
        tokens=after - before,
        seconds=time.monotonic() - began,
    )


def collect(folder: Path, specs: list[RunSpec]) -> int:
    """Appends the finished rows that the table lacks; returns how many."""
    known = {_key(row) for row in _read_table(folder)}
    missing = [
        row
        for spec in specs
        for row in RunFolder.of(folder, spec).read_rows()
        if _key(row) not in known
    ]
    if missing:
        append_rows(folder / TABLE, missing)
    return len(missing)


def tokens_trained(spec: RunSpec) -> int:
    """Tokens that a run trains on, trunk and forks together."""
    steps = sum(leg.stop - leg.start for leg in legs(spec))
    return steps * spec.training.tokens_per_step


def _drive(pool: Pool, specs: list[RunSpec], cores: list[int], bar: Progress) -> int:
    """Keeps every worker busy until no run is left; returns the rows appended."""
    total = [(spec, RunFolder.of(pool.folder, spec)) for spec in pool.waiting]
    task = bar.add_task("tokens", total=sum(map(tokens_trained, pool.waiting)))
    added = 0
    while pool.waiting or any(worker.run for worker in pool.workers.values()):
        for slot in pool.cores:
            worker = pool.workers.get(slot)
            if worker and worker.run and _is_done(worker):
                added += collect(pool.folder, [worker.run[0]])
                worker.run = None
            if worker and worker.process.poll() is not None:
                worker.log.close()
                del pool.workers[slot]
                worker = None
            if pool.waiting and (worker is None or worker.run is None):
                _assign(pool, slot, cores)
        _show(bar, task, total)
        time.sleep(POLL_SECONDS)
    _show(bar, task, total)
    return added


def _assign(pool: Pool, slot: int, cores: list[int]) -> None:
    """Gives the longest waiting run to the worker of a slot, started if need be."""
    if slot not in pool.workers:
        core = cores[slot % len(cores)] if cores else None
        pool.workers[slot] = _start_worker(pool.folder, slot, core)
    worker, spec = pool.workers[slot], pool.waiting.pop()
    worker.run = (spec, RunFolder.of(pool.folder, spec))
    assert worker.process.stdin is not None
    # A worker that has just died is noticed by the next poll.
    with contextlib.suppress(BrokenPipeError):
        worker.process.stdin.write(f"{worker.run[1].path.absolute()}\n")
        worker.process.stdin.flush()


def _is_done(worker: Worker) -> bool:
    """Whether the worker's run is over; a dead worker's run is marked as crashed."""
    assert worker.run is not None
    folder, code = worker.run[1], worker.process.poll()
    if code is not None and not folder.is_finished and not folder.failure:
        folder.fail(
            kind="crashed",
            reason=f"the training process ended with status {code}; see {worker.log.name}",
        )
    return folder.is_finished or bool(folder.failure)


def _start_worker(folder: Path, slot: int, core: int | None) -> Worker:
    threads = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    environment = os.environ | {
        # One thread per process: fixed sums, so resume is exact, and no contention.
        "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} {threads}".strip(),
        "OMP_NUM_THREADS": "1",
        "JAX_COMPILATION_CACHE_DIR": str(cache / "bayeslaw" / "xla"),
    }
    log = open(folder / "out" / f"worker-{slot}.log", "a", encoding="utf-8")  # noqa: SIM115
    process = subprocess.Popen(
        [sys.executable, "-m", "bayeslaw.proxy.train"],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        env=environment,
        text=True,
        # Ctrl-C reaches the parent only, which ends its workers in order.
        start_new_session=True,
    )
    if core is not None:
        os.sched_setaffinity(process.pid, {core})
    return Worker(process, log)


@contextlib.contextmanager
def _terminated(pool: Pool) -> Iterator[None]:
    """Ends the workers on the way out; an idle one stops when its input closes."""
    try:
        yield
    finally:
        for worker in pool.workers.values():
            if worker.run:
                worker.process.terminate()
            assert worker.process.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                worker.process.stdin.close()
            worker.process.wait()
            worker.log.close()


@contextlib.contextmanager
def _study_lock(folder: Path) -> Iterator[None]:
    (folder / "out" / "runs").mkdir(parents=True, exist_ok=True)
    with open(folder / "out" / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(
                "this study is being trained by another process",
                str(folder),
                "a locked study",
                "one training process per study",
                "wait for it to end, or stop it",
            ) from error
        yield


def _check_table(folder: Path, specs: list[RunSpec]) -> None:
    """Refuses a table whose rows were measured with other settings."""
    hashes = {spec.run: spec.hash for spec in specs}
    for row in _read_table(folder):
        wanted = hashes.get(row["run"])
        if wanted and not row["versions"].endswith(f"spec {wanted}"):
            raise InputError(
                "the table holds this run, measured with other settings",
                f"{folder / TABLE}, run {row['run']}",
                row["versions"],
                f"spec {wanted}, the settings of the study file",
                "restore the study file, or give the changed study a folder of its own",
            )


def _read_table(folder: Path) -> list[dict[str, str]]:
    try:
        with open(folder / TABLE, newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except FileNotFoundError:
        return []


def _key(row: Row) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in KEY)


def _is_over(folder: Path, spec: RunSpec) -> bool:
    run = RunFolder.of(folder, spec)
    return run.is_finished or run.failure.get("kind") == "diverged"


def _work(spec: RunSpec) -> float:
    return tokens_trained(spec) * spec.proxy.width**2 * spec.proxy.depth


def _bar(shown: bool) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    more = (MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, *more, disable=not shown)


def _show(bar: Progress, task: TaskID, runs: list[tuple[RunSpec, RunFolder]]) -> None:
    finished = sum(folder.is_finished for _, folder in runs)
    bar.update(
        task,
        completed=sum(folder.tokens_done for _, folder in runs),
        description=f"{finished}/{len(runs)} runs, tokens",
    )
