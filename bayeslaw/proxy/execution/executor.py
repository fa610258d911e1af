"""Run a study on an executor: start its runs, watch them and collect their rows.

Only the parent writes the table. The rows of a run are saved in its folder first, so
whatever process is killed, the next start finds them and appends those missing.
"""

import contextlib
import fcntl
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

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
from bayeslaw.proxy.execution.measured_rows import check_table, collect, rows_by_run
from bayeslaw.proxy.execution.pool import Pool
from bayeslaw.proxy.execution.tensorboard import TensorBoard
from bayeslaw.proxy.study import (
    RunFolder,
    RunSpec,
    StudyFile,
    count_rows,
    expand,
    read_study,
    tokens_trained,
    training_corpus,
    work_per_token,
)


@runtime_checkable
class Executor(Protocol):
    """Trains runs: `Pool` on this machine, `JobArray` on a cluster."""

    def train(
        self, runs: list[RunFolder], out: Path, on_end: Callable[[RunFolder], None]
    ) -> Generator[None]:
        """Train prepared runs; yield at every poll and call `on_end` after each run.

        It may stop while runs are left that something else will train.

        Args:
          runs: folders with a spec, none of them over, in the order to start them.
          out: folder for logs.
          on_end: called with each run that has ended, successfully or not.
        """
        ...


@dataclass(frozen=True)
class Summary:
    """The result of `train_study` or `collect_study`."""

    trained: int  # runs finished now
    skipped: int  # runs that needed nothing: finished before, or known to diverge
    unfinished: int  # runs left: waiting, or with a job of a cluster
    failed: dict[str, str]  # run -> reason, of all runs of the study
    rows_added: int  # observations appended to the table
    tokens: int  # tokens trained now
    seconds: float  # wall time

    def __str__(self) -> str:
        """Summarise in two or three sentences, plus a line for each failed run."""
        lines = [
            f"{self.trained} runs trained, {self.skipped} skipped, "
            f"{len(self.failed)} failed; {self.rows_added} observations appended. "
            f"{self.tokens:,} tokens in {self.seconds:.0f} s."
        ]
        if self.unfinished:
            lines.append(
                f"{self.unfinished} runs are waiting or assigned to cluster jobs."
            )
        return "\n".join(
            [*lines, *(f"failed: {run}: {why}" for run, why in self.failed.items())]
        )

    def to_dict(self) -> dict[str, Any]:
        """Convert the fields to a plain record for JSON."""
        return asdict(self)


def train_study(
    path: str | Path,
    *,
    executor: Executor | None = None,
    board: TensorBoard | None = None,
    progress: bool = True,
) -> Summary:
    """Train every unfinished run of a study and append its observations.

    Args:
      path: the study file; `observations.csv` and `out/` are next to it.
      executor: where to train; one process per core of this machine if None.
      board: TensorBoard to copy the logs to.
      progress: whether to draw a progress bar on standard error.

    Returns:
      a summary. Failed runs are listed with their reasons; the others continued.

    Raises:
      InputError: the study file is wrong, the table was measured with other settings,
        or another process trains this study.

    Example:
      >>> train_study("runs/sample-families/study.toml").failed
      {}
    """
    with _opened(path) as study:
        study.train(executor or Pool(), board=board, progress=progress)
        return study.summary()


def collect_study(path: str | Path) -> Summary:
    """Append the rows measured so far, and train nothing.

    Args and Raises: as `train_study`.
    """
    with _opened(path) as study:
        return study.summary()


class _Study:
    """A study whose lock is held and whose measured rows are collected."""

    def __init__(self, folder: Path, study: StudyFile, specs: list[RunSpec]):
        self._folder, self._study, self._began = folder, study, time.monotonic()
        self._runs = {spec.run: RunFolder.of(folder, spec) for spec in specs}
        self._rows_added = collect(folder, self._runs.values())
        measured = rows_by_run(folder)
        # A table that came without `out/` counts as done.
        self._todo = [
            spec
            for spec in specs
            if not self._runs[spec.run].is_over
            and measured[spec.run] < count_rows(spec)
        ]
        self._tokens_before = self._count_tokens()

    def train(
        self, executor: Executor, *, board: TensorBoard | None, progress: bool
    ) -> None:
        """Train the runs, the longest first so that the last ones end together."""
        if not self._todo:
            return
        corpus_folder = training_corpus(self._study, self._folder)
        for spec in self._todo:
            self._runs[spec.run].prepare(spec, corpus_folder)
        ordered = sorted(self._todo, key=_work, reverse=True)
        runs, ended = [self._runs[spec.run] for spec in ordered], 0

        def on_end(run: RunFolder) -> None:
            nonlocal ended
            self._rows_added += collect(self._folder, [run])
            ended += 1

        polls = executor.train(runs, self._folder / "out", on_end)
        with _progress_bar(shown=progress) as bar:
            task = bar.add_task("", total=sum(map(tokens_trained, ordered)))
            # Closed by hand: an exception in this loop must end the processes at once.
            with contextlib.closing(polls):
                for _ in polls:
                    text = f"{ended}/{len(runs)} runs, tokens"
                    bar.update(task, completed=self._count_tokens(), description=text)
                    if board:
                        board.update(runs)
        if board:
            board.close(runs)

    def summary(self) -> Summary:
        """Summarise what has been done."""
        todo = [self._runs[spec.run] for spec in self._todo]
        trained = sum(run.is_finished for run in todo)
        return Summary(
            trained=trained,
            skipped=len(self._runs) - len(todo),
            unfinished=len(todo) - trained - sum(bool(run.failure) for run in todo),
            failed={
                name: run.failure["reason"]
                for name, run in self._runs.items()
                if run.failure
            },
            rows_added=self._rows_added,
            tokens=self._count_tokens() - self._tokens_before,
            seconds=time.monotonic() - self._began,
        )

    def _count_tokens(self) -> int:
        return sum(self._runs[spec.run].tokens_done for spec in self._todo)


@contextlib.contextmanager
def _opened(path: str | Path) -> Iterator[_Study]:
    """Open the study, locked against a second process that would write its table."""
    study, folder = read_study(path), Path(path).parent
    specs = expand(study)
    (folder / "out" / "runs").mkdir(parents=True, exist_ok=True)
    with open(folder / "out" / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(
                "another process is training this study",
                str(folder),
                "a locked study",
                "one training process per study",
                "wait for it to end, or stop it; runs resume from their checkpoints",
            ) from error
        check_table(folder, specs)
        yield _Study(folder, study, specs)


def _work(spec: RunSpec) -> float:
    return tokens_trained(spec) * work_per_token(spec)


def _progress_bar(*, shown: bool) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    more = (MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    return Progress(*columns, *more, console=console, disable=not shown)
