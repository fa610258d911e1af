"""The folder of a run: every file through which worker and executor communicate.

  spec.json      the run's spec, written before it starts
  corpus.json    location of its corpus on this machine, not part of the spec
  rows.json      finished observations, rewritten after every evaluation
  translations.json  scores of translations, rewritten after every fine-tuned model
  heartbeat.json tokens trained so far and the process, rewritten after every chunk
  log.jsonl      loss, rate, gradient norm and speed of every chunk, one line each
  job.json       the cluster job that the run was given to
  finished.json  present when the run is complete
  failed.json    present when it failed: kind ("diverged" or "crashed") and reason
  checkpoints/   states to resume from, deleted when the run is complete
  lock           held by the process that works on the run

Each file is replaced in one step, so a reader never sees half a file.
"""

import contextlib
import fcntl
import json
import os
import platform
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bayeslaw.proxy.study.config import RunSpec

Row = dict[str, Any]  # one observation, canonical column -> value

# A process on another machine counts as alive for so long after its last heartbeat. A
# chunk of steps, or compiling, may take minutes.
SILENCE_SECONDS = 600


@dataclass(frozen=True)
class Heartbeat:
    """The last progress report of the process that works, or worked, on a run."""

    tokens: int = 0  # trained so far
    pid: int = 0
    host: str = ""
    time: float = 0.0  # when it was given, in seconds of the epoch
    first_time: float = 0.0  # when this process gave its first one
    first_tokens: int = 0  # trained by then

    @property
    def tokens_per_second(self) -> float | None:
        """Pace of the process since its first report; None before the second."""
        seconds = self.time - self.first_time
        return (self.tokens - self.first_tokens) / seconds if seconds > 0 else None


@dataclass(frozen=True)
class RunFolder:
    """The files of one run; they need not exist yet."""

    path: Path
    # Of the processes that train one run together, one writes.
    writes: bool = True

    @classmethod
    def of(cls, study_folder: Path, spec: RunSpec) -> "RunFolder":
        """The folder of a run, below the study's folder."""
        return cls(study_folder / "out" / "runs" / spec.hash)

    @property
    def checkpoints(self) -> Path:
        """Folder of the states to resume from."""
        return self.path / "checkpoints"

    @property
    def is_finished(self) -> bool:
        """Whether all rows of the run have been measured."""
        return (self.path / "finished.json").exists()

    @property
    def failure(self) -> dict[str, str]:
        """Kind and reason of the failure; empty when the run has not failed."""
        return {} if self.is_finished else self._read("failed.json", {})

    @property
    def has_crashed(self) -> bool:
        """Whether the run failed for a reason that may not recur."""
        return self.failure.get("kind") == "crashed"

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do: finished, or known to diverge."""
        return self.is_finished or self.failure.get("kind") == "diverged"

    @property
    def is_running(self) -> bool:
        """Whether a process works on the run now.

        On this machine the lock shows it. On another machine the lock may be invisible,
        depending on the file system, so a recent heartbeat counts as well.
        """
        beat = self.heartbeat
        is_elsewhere = beat.host not in ("", platform.node())
        is_recent = time.time() - beat.time < SILENCE_SECONDS
        return (is_elsewhere and is_recent) or self._is_locked()

    @property
    def heartbeat(self) -> Heartbeat:
        """The last progress report; all zero before the first."""
        return Heartbeat(**self._read("heartbeat.json", {}))

    @property
    def tokens_done(self) -> int:
        """Tokens trained so far."""
        return self.heartbeat.tokens

    @property
    def job(self) -> str:
        """Cluster job that the run belongs to; empty if there is none."""
        return self._read("job.json", {"job": ""})["job"]

    def read_spec(self) -> RunSpec:
        """The spec of the run."""
        text = (self.path / "spec.json").read_text(encoding="utf-8")
        return RunSpec.model_validate_json(text)

    @property
    def corpus_folder(self) -> Path | None:
        """Folder of a built corpus on this machine; None for the shipped sample."""
        path = self._read("corpus.json", {"folder": None})["folder"]
        return None if path is None else Path(path)

    def read_rows(self) -> list[Row]:
        """The observations measured so far."""
        return self._read("rows.json", [])

    def prepare(self, spec: RunSpec, corpus_folder: Path | None = None) -> None:
        """Make the folder with the spec, and clear a crash (not a divergence).

        Args:
          spec: the run.
          corpus_folder: folder of its corpus on this machine, if it is a built one.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        self._write("spec.json", spec.model_dump())
        if corpus_folder is not None:
            self._write("corpus.json", {"folder": str(corpus_folder.absolute())})
        if self.has_crashed:
            self.take_back()
        self.forget_crash()

    def forget_crash(self) -> None:
        """Clear a crash, so that the run is tried again."""
        if self.has_crashed:
            (self.path / "failed.json").unlink(missing_ok=True)

    def give_to(self, job: str) -> None:
        """Record that a cluster job trains the run."""
        self._write("job.json", {"job": job})

    def take_back(self) -> None:
        """Record that no cluster job trains the run any more."""
        (self.path / "job.json").unlink(missing_ok=True)

    def save_rows(self, rows: list[Row]) -> None:
        """Record the observations measured so far."""
        self._write("rows.json", rows)

    def log(self, line: dict[str, Any]) -> None:
        """Add a line to the log; after a resume, steps may appear twice."""
        if self.writes:
            with open(self.path / "log.jsonl", "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    def read_log(self) -> list[dict[str, Any]]:
        """The lines of the log, the last one of each leg and step, in order."""
        try:
            text = (self.path / "log.jsonl").read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        # A killed process may leave the last line unfinished.
        lines = [json.loads(line) for line in text.splitlines() if line.endswith("}")]
        last = {(line["leg"], line["step"]): line for line in lines}
        return [last[key] for key in sorted(last)]

    def save_translations(self, rows: list[Row]) -> None:
        """Record the scores of translations measured so far."""
        self._write("translations.json", rows)

    def read_translations(self) -> list[Row]:
        """The scores of translations measured so far."""
        return self._read("translations.json", [])

    def beat(self, tokens: int) -> None:
        """Report the progress of the run."""
        me, last = (os.getpid(), platform.node()), self.heartbeat
        now = time.time()
        first = (now, tokens)
        if (last.pid, last.host) == me:
            first = (last.first_time, last.first_tokens)
        beat = Heartbeat(tokens, *me, now, *first)
        self._write("heartbeat.json", asdict(beat), durable=False)

    def finish(self, *, seconds: float, cpu_seconds: float) -> None:
        """Mark the run complete and delete what it no longer needs.

        Args:
          seconds: wall time since the run was last resumed.
          cpu_seconds: processor time over the same stretch.
        """
        times = {"seconds": round(seconds, 1), "cpu_seconds": round(cpu_seconds, 1)}
        self._write("finished.json", times)
        if self.writes:
            shutil.rmtree(self.checkpoints, ignore_errors=True)

    def fail(self, *, kind: str, reason: str) -> None:
        """Mark the run failed."""
        self._write("failed.json", {"kind": kind, "reason": reason})

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Wait until no other process works on the run, and hold its lock."""
        with open(self.path / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _is_locked(self) -> bool:
        try:
            with open(self.path / "lock") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def _read(self, name: str, default: Any) -> Any:
        try:
            return json.loads((self.path / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return default

    def _write(self, name: str, content: Any, *, durable: bool = True) -> None:
        if not self.writes:
            return
        temporary = self.path / f".{name}.{os.getpid()}"
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, self.path / name)
