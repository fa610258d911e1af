"""Progress of a study, read only from its files: the table and the folders of its runs.

Nothing is locked or changed, so it can be read at any time.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from bayeslaw.proxy.execution.measured_rows import rows_by_run
from bayeslaw.proxy.study import (
    RunFolder,
    RunSpec,
    count_rows,
    expand,
    read_study,
    tokens_trained,
    work_per_token,
)

# States of a run and their meanings, in the order in which they are printed.
STATES = {
    "finished": "all rows measured",
    "running": "a process is training it",
    "queued": "assigned to a cluster job that has not started or was interrupted",
    "interrupted": "started, then stopped; resumes from its latest checkpoint",
    "waiting": "not started",
    "failed": "with a reason; a crash is retried, a divergence is not",
}


@dataclass(frozen=True)
class RunStatus:
    """Progress of one run."""

    run: str
    state: str  # a key of STATES
    tokens_done: int
    tokens: int  # of the whole run, trunk and forks together
    tokens_per_second: float | None  # of the process that trains it now
    seconds_left: float | None  # at this pace
    job: str  # of a cluster; empty when there is none
    reason: str  # of the failure; empty when there is none


@dataclass(frozen=True)
class StudyStatus:
    """Progress of a study."""

    study: str
    runs: tuple[RunStatus, ...]  # in the order of the study file
    rows_collected: int  # rows of the table
    rows_measured: int  # rows that the table will have after the next `train`
    rows: int  # rows of the finished study
    seconds_left: float | None  # at the pace of the runs that train now

    def count(self, state: str) -> int:
        """Number of runs in a state."""
        return sum(run.state == state for run in self.runs)

    def sentences(self) -> list[str]:
        """Describe the progress in sentences."""
        counts = [f"{n} {state}" for state in STATES if (n := self.count(state))]
        more = self.rows_measured - self.rows_collected
        lines = [
            f"{self.study}: {len(self.runs)} runs: {', '.join(counts)}.",
            f"{self.rows_collected} of {self.rows} rows in the table"
            + (f"; `bayeslaw train` or --collect adds {more} more." if more else "."),
        ]
        if self.seconds_left is not None:
            left = timedelta(seconds=round(self.seconds_left))
            lines.append(f"About {left} left at the current pace.")
        # The last line of a traceback says what went wrong; the JSON has all of it.
        return lines + [
            f"failed: {run.run}: {run.reason.splitlines()[-1]}"
            for run in self.runs
            if run.reason
        ]

    def table(self) -> list[list[str]]:
        """Rows of text for the runs that have started and have not ended."""
        return [
            [
                run.run,
                run.state if not run.job else f"{run.state}, job {run.job}",
                f"{run.tokens_done:,} of {run.tokens:,}",
                f"{run.tokens_per_second:,.0f}" if run.tokens_per_second else "",
                _clock(run.seconds_left),
            ]
            for run in self.runs
            if run.state in ("running", "queued", "interrupted")
        ]

    def to_dict(self) -> dict[str, Any]:
        """Convert the fields and the counts of states to a plain record for JSON."""
        return {"counts": {state: self.count(state) for state in STATES}} | asdict(self)


def read_status(path: str | Path) -> StudyStatus:
    """Read the progress of the study at `path`.

    Raises:
      InputError: the study file is wrong.
    """
    study, folder = read_study(path), Path(path).parent
    specs, collected = expand(study), rows_by_run(folder)
    folders = {spec.run: RunFolder.of(folder, spec) for spec in specs}
    runs = [_run_status(spec, folders[spec.run], collected[spec.run]) for spec in specs]
    return StudyStatus(
        study=study.study.name,
        runs=tuple(runs),
        rows_collected=collected.total(),
        rows_measured=_rows_measured(folders, collected),
        rows=sum(map(count_rows, specs)),
        seconds_left=_seconds_left(zip(specs, runs, strict=True)),
    )


def _run_status(spec: RunSpec, folder: RunFolder, collected: int) -> RunStatus:
    state, total = _state(spec, folder, collected), tokens_trained(spec)
    # A table that came without its folders holds finished runs.
    done = total if state == "finished" else folder.tokens_done
    pace = folder.heartbeat.tokens_per_second if state == "running" else None
    return RunStatus(
        run=spec.run,
        state=state,
        tokens_done=done,
        tokens=total,
        tokens_per_second=pace,
        seconds_left=(total - done) / pace if pace else None,
        job=folder.job if state in ("running", "queued") else "",
        reason=folder.failure.get("reason", ""),
    )


def _state(spec: RunSpec, folder: RunFolder, collected: int) -> str:
    answers = {
        "finished": folder.is_finished or collected >= count_rows(spec),
        "failed": bool(folder.failure),
        "running": folder.is_running,
        "queued": bool(folder.job),
        "interrupted": folder.tokens_done > 0,
    }
    return next((state for state, holds in answers.items() if holds), "waiting")


def _rows_measured(folders: dict[str, RunFolder], collected: Counter[str]) -> int:
    """Count the rows of the table and of the folders, each once."""
    measured = Counter({run: len(folders[run].read_rows()) for run in folders})
    return (collected | measured).total()


def _seconds_left(runs: Iterable[tuple[RunSpec, RunStatus]]) -> float | None:
    """Work left divided by the work done each second; None when nothing trains."""
    left = pace = 0.0
    for spec, run in runs:
        if run.state not in ("finished", "failed"):
            left += work_per_token(spec) * (run.tokens - run.tokens_done)
            pace += work_per_token(spec) * (run.tokens_per_second or 0.0)
    return left / pace if pace else None


def _clock(seconds: float | None) -> str:
    return "" if seconds is None else str(timedelta(seconds=round(seconds)))
