"""Runs a study on the local machine and keeps its observation table.

The parent alone writes the table. What a run measured lies in its folder first, so
whatever is killed, the next start finds the rows and appends those missing.
"""

import contextlib
import csv
import fcntl
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from bayeslaw.errors import InputError
from bayeslaw.proxy.config import RunSpec
from bayeslaw.proxy.folder import Row, RunFolder
from bayeslaw.proxy.pool import Pool, usable_cores
from bayeslaw.proxy.schedule import legs
from bayeslaw.proxy.study import expand, read_study
from bayeslaw.proxy.study_corpus import built_corpus_folder, check_corpus
from bayeslaw.runs import append_rows

TABLE = "observations.csv"
# What makes a row one and the same measurement.
KEY = ("run", "D", "schedule", "family", "metric")


@dataclass(frozen=True)
class Summary:
    """What `train_study` did."""

    trained: int  # runs finished now
    skipped: int  # runs that needed nothing: finished before, or known to diverge
    failed: dict[str, str]  # run -> reason, of all runs of the study
    rows_added: int  # observations appended to the table
    tokens: int  # tokens trained now
    seconds: float  # wall time

    def __str__(self) -> str:
        """Two sentences, and a line for each failed run."""
        lines = [
            f"{self.trained} runs trained, {self.skipped} skipped, "
            f"{len(self.failed)} failed; {self.rows_added} observations appended. "
            f"{self.tokens:,} tokens in {self.seconds:.0f} s."
        ]
        return "\n".join(
            [*lines, *(f"failed: {run}: {why}" for run, why in self.failed.items())]
        )

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return asdict(self)


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
      InputError: the study file is wrong, the table was measured with other settings,
        or another process trains this study.

    Example:
      >>> train_study("runs/sample-families/study.toml").failed
      {}
    """
    began, path = time.monotonic(), Path(path)
    size = _check_workers(workers)
    study, folder = read_study(path), path.parent
    specs, corpus_folder = expand(study), built_corpus_folder(study, folder)
    runs = {spec.run: RunFolder.of(folder, spec) for spec in specs}
    with _study_lock(folder):
        _check_table(folder, specs)
        rows_added = collect(folder, list(runs.values()))
        measured = _count_rows(folder)
        todo = [
            spec
            for spec in specs
            if not _is_over(runs[spec.run]) and measured[spec.run] < count_rows(spec)
        ]
        before = sum(runs[spec.run].tokens_done for spec in todo)
        if todo and corpus_folder:
            check_corpus(study, corpus_folder)
        for spec in todo:
            runs[spec.run].prepare(spec, corpus_folder)
        rows_added += _train(folder, todo, size=size, progress=progress)
    return Summary(
        trained=sum(runs[spec.run].is_finished for spec in todo),
        skipped=len(specs) - len(todo),
        failed={
            name: run.failure["reason"] for name, run in runs.items() if run.failure
        },
        rows_added=rows_added,
        tokens=sum(runs[spec.run].tokens_done for spec in todo) - before,
        seconds=time.monotonic() - began,
    )


def collect(folder: Path, runs: list[RunFolder]) -> int:
    """Appends the finished rows that the table lacks; returns how many."""
    known = {_key(row) for row in _read_table(folder)}
    rows = [row for run in runs for row in run.read_rows() if _key(row) not in known]
    append_rows(folder / TABLE, rows)
    return len(rows)


def tokens_trained(spec: RunSpec) -> int:
    """Tokens that a run trains on, trunk and forks together."""
    steps = sum(leg.stop - leg.start for leg in legs(spec))
    return steps * spec.training.tokens_per_step


def count_rows(spec: RunSpec) -> int:
    """Observations of a finished run."""
    return sum(leg.tokens > 0 for leg in legs(spec)) * len(spec.corpus.families)


def _count_rows(folder: Path) -> Counter[str]:
    """Rows of the table by run: a table that came without `out/` counts as done."""
    return Counter(row["run"] for row in _read_table(folder))


def _train(folder: Path, specs: list[RunSpec], *, size: int, progress: bool) -> int:
    """Trains the runs, the longest first so that the last end together."""
    ordered = sorted(specs, key=_work, reverse=True)
    runs = [RunFolder.of(folder, spec) for spec in ordered]
    added, ended = 0, 0

    def on_end(run: RunFolder) -> None:
        nonlocal added, ended
        added, ended = added + collect(folder, [run]), ended + 1

    pool = Pool(runs, logs=folder / "out", size=min(size, len(runs)))
    with _progress_bar(shown=progress) as bar:
        task = bar.add_task("", total=sum(map(tokens_trained, specs)))
        # Closed by hand: an exception in this loop must end the processes at once.
        with contextlib.closing(pool.train(on_end)) as polls:
            for _ in polls:
                done = sum(run.tokens_done for run in runs)
                text = f"{ended}/{len(runs)} runs, tokens"
                bar.update(task, completed=done, description=text)
    return added


def _check_workers(workers: int | None) -> int:
    if workers is not None and workers < 1:
        raise InputError(
            "nothing to train with",
            "argument workers",
            str(workers),
            "a positive number of processes",
            "leave it out to use every core",
        )
    return workers or len(usable_cores())


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
    wanted = {spec.run: f"spec {spec.hash}" for spec in specs}
    other = {
        row["run"]: row["versions"]
        for row in _read_table(folder)
        if not row["versions"].endswith(wanted.get(row["run"], ""))
    }
    if other:
        first = sorted(other)[:10]
        more = f" and {len(other) - 10} more" if len(other) > 10 else ""
        raise InputError(
            "the table holds runs that were measured with other settings",
            f"{folder / TABLE}, runs {', '.join(first)}{more}",
            other[first[0]],
            f"{wanted[first[0]]}, the settings of the study file",
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


def _is_over(run: RunFolder) -> bool:
    return run.is_finished or run.failure.get("kind") == "diverged"


def _work(spec: RunSpec) -> float:
    return tokens_trained(spec) * spec.proxy.width**2 * spec.proxy.depth


def _progress_bar(*, shown: bool) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    more = (MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    return Progress(*columns, *more, console=console, disable=not shown)
