"""States to resume a run from, written by orbax, one folder per checkpoint.

The name of a checkpoint is its position (leg and step); orbax renames a folder into
place when it is complete, so every folder with such a name is valid. Files are written
in the background; arrays are copied before `save` returns.
"""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp

NAME = re.compile(r"leg-(\d+)-step-(\d+)")


@dataclass(frozen=True, order=True)
class Position:
    """Position in a run: a leg and the next step in it."""

    leg: int
    step: int


class Checkpoints:
    """The checkpoints of one run: the newest complete one, and the one being written.

    All processes of a training call the same methods in the same order.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._writer = ocp.AsyncCheckpointer(ocp.PyTreeCheckpointHandler())

    def save(self, position: Position, states: dict[str, Any]) -> None:
        """Start writing the states at a position; delete older checkpoints.

        Files left by a killed save are deleted as well.
        """
        self._writer.wait_until_finished()
        newest = self.latest()
        if newest == position:
            return
        if jax.process_index() == 0:
            self.folder.mkdir(parents=True, exist_ok=True)
            kept = newest and self._path(newest)
            for path in set(self.folder.iterdir()) - {kept}:
                shutil.rmtree(path)
        self._writer.save(self._path(position).absolute(), _leaves(states))

    def latest(self) -> Position | None:
        """Position of the newest complete checkpoint; None if there is none."""
        paths = self.folder.iterdir() if self.folder.exists() else []
        matches = [match for path in paths if (match := NAME.fullmatch(path.name))]
        return max((Position(int(m[1]), int(m[2])) for m in matches), default=None)

    def load(self, position: Position, like: dict[str, Any]) -> dict[str, Any]:
        """The states at a position, bit for bit, placed on the devices as `like` is."""
        leaves = _leaves(like)
        with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as reader:
            restored = reader.restore(
                self._path(position).absolute(),
                item=leaves,
                restore_args=ocp.checkpoint_utils.construct_restore_args(leaves),
            )
        return jax.tree.unflatten(jax.tree.structure(like), jax.tree.leaves(restored))

    def close(self) -> None:
        """Wait until the last checkpoint is written."""
        self._writer.close()

    def _path(self, position: Position) -> Path:
        return self.folder / f"leg-{position.leg:04d}-step-{position.step:012d}"


def _leaves(states: dict[str, Any]) -> dict[str, Any]:
    """Leaves by number: orbax would turn the integer keys of layers into text.

    The numbers are padded because trees are flattened in the order of their keys.
    """
    return {f"{i:06d}": leaf for i, leaf in enumerate(jax.tree.leaves(states))}
