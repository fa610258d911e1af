"""Logs of runs as TensorBoard event files, one folder per run.

The process that waits for the runs copies the logs in their folders, so it does not
matter where they are trained.
"""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from bayeslaw.errors import require_extra
from bayeslaw.proxy.study import RunFolder, legs

Point = tuple[str, float, int]  # tag, value, tokens

SECONDS = 10.0  # between two looks at the logs
SHOWN = ("loss", "gradient_norm", "rate", "tokens_per_second", "mfu")


class TensorBoard:
    """Copies new entries in the logs of runs; the horizontal axis is tokens.

    Files that an earlier process wrote for a run are replaced: its folder then contains
    the whole log, each point once.

    Args:
      folder: folder for the event files, with one subfolder per run.

    Raises:
      InputError: tensorboardX is not installed.
    """

    def __init__(self, folder: Path):
        require_extra("tensorboardX", "tensorboard", "option --tensorboard")
        import tensorboardX

        self._folder, self._library = folder, tensorboardX
        self._files: dict[str, Any] = {}
        self._copied: set[tuple[str, str, int]] = set()
        self._finished: set[RunFolder] = set()  # copied, and nothing will be added
        self._looked = float("-inf")

    def update(self, runs: Iterable[RunFolder]) -> None:
        """Copy new points of some runs, started or not, at most every few seconds."""
        if time.monotonic() - self._looked >= SECONDS:
            self._looked = time.monotonic()
            self._copy(runs)

    def close(self, runs: Iterable[RunFolder]) -> None:
        """Copy the remaining points and close the files."""
        self._copy(runs)
        for file in self._files.values():
            file.close()

    def _copy(self, runs: Iterable[RunFolder]) -> None:
        for run in set(runs) - self._finished:
            if run.is_finished:
                self._finished.add(run)
            points = [*_training_points(run), *_held_out_points(run)]
            name = run.read_spec().run if points else ""
            for point in points:
                tag, _, tokens = point
                if (name, tag, tokens) not in self._copied:
                    self._copied.add((name, tag, tokens))
                    self._write(name, point)
        for file in self._files.values():
            file.flush()

    def _write(self, name: str, point: Point) -> None:
        tag, value, tokens = point
        self._file(name).write_event(
            self._library.proto.event_pb2.Event(
                wall_time=time.time(),
                step=tokens,
                summary=self._library.summary.scalar(tag, value),
            )
        )

    def _file(self, name: str) -> Any:
        """Open the event file of a run; files of an earlier process are removed."""
        if name not in self._files:
            folder = self._folder / name
            folder.mkdir(parents=True, exist_ok=True)
            for path in folder.glob("events.out.tfevents.*"):
                path.unlink()
            # Not a SummaryWriter, which would be a thread and a queue for each run.
            writer = self._library.event_file_writer.EventsWriter
            self._files[name] = writer(str(folder / "events"))
        return self._files[name]


def _training_points(run: RunFolder) -> Iterator[Point]:
    """The logged values of each chunk; every fork has its own curve."""
    lines = run.read_log()
    plan = legs(run.read_spec()) if lines else []
    for line in lines:
        leg = plan[line["leg"]]
        curve = "trunk" if leg.schedule == "trunk" else f"cooled-{leg.tokens}"
        for name in SHOWN:
            if name in line:
                yield f"{name}/{curve}", line[name], line["tokens"]


def _held_out_points(run: RunFolder) -> Iterator[Point]:
    for row in run.read_rows():
        yield f"held_out/{row['family']}-{row['schedule']}", row["value"], row["D"]
