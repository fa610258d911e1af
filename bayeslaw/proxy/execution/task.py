"""The task of one cluster process: train the runs it is given, nothing more.

It writes only into the folders of these runs. The next `bayeslaw train` of the study
adds their rows to the table. If it is given a run again, it skips a finished run and
resumes an unfinished one from its latest checkpoint.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bayeslaw.errors import InputError
from bayeslaw.proxy.execution.measured_rows import rows_by_run
from bayeslaw.proxy.execution.pool import worker_settings
from bayeslaw.proxy.study import (
    RunFolder,
    count_rows,
    expand,
    read_study,
    training_corpus,
)

if TYPE_CHECKING:
    from submitit.helpers import DelayedSubmission


@dataclass(frozen=True)
class Task:
    """One job of an array, as submitit sends it to the cluster."""

    folders: tuple[Path, ...]  # of prepared runs, trained one after the other

    def __call__(self) -> None:
        """Train the runs.

        Raises:
          RuntimeError: a run crashed; raised at the end, so that the job counts as
            failed.
        """
        runs = [RunFolder(folder) for folder in self.folders]
        train_here(runs)
        crashed = [run for run in runs if not run.is_over]
        if crashed:
            raise RuntimeError("\n".join(run.failure["reason"] for run in crashed))

    def checkpoint(self) -> "DelayedSubmission":
        """Requeue the same task when a job must leave its node.

        submitit calls it when the time limit of the job is reached or it is pre-empted.
        """
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def train_numbered(path: str | Path, index: int) -> RunFolder:
    """Train one run of a study, given by its number, in this process.

    Args:
      path: the study file.
      index: number of the run, from 0, in the order of the study file.

    Returns:
      the folder of the run, finished or with the reason of its failure.

    Raises:
      InputError: the study file is wrong, or it has no such run.
    """
    study, folder = read_study(path), Path(path).parent
    specs = expand(study)
    if not 0 <= index < len(specs):
        raise InputError(
            "no run has this number",
            f"{path}, option --index",
            str(index),
            f"a number from 0 to {len(specs) - 1}, as the study has {len(specs)} runs",
            "correct the number; use as many indices as there are runs",
        )
    run = RunFolder.of(folder, specs[index])
    if rows_by_run(folder)[specs[index].run] < count_rows(specs[index]):
        run.prepare(specs[index], training_corpus(study, folder))
        train_here([run])
    return run


def train_here(runs: Iterable[RunFolder]) -> None:
    """Train prepared runs in this process, with the settings of every worker."""
    os.environ.update(worker_settings())
    # Only now: JAX reads the environment when it is imported.
    from bayeslaw.proxy.execution.worker import work_on

    for run in runs:
        work_on(run)
