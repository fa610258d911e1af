"""States to resume a run from, written by orbax, one folder a checkpoint.

The name of a checkpoint is its position (leg and step); orbax renames a folder into
place when it is complete, so every folder with such a name can be trusted.
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
    """How far a run is: a leg and the next step in it."""

    leg: int
    step: int


def save_checkpoint(folder: Path, position: Position, states: dict[str, Any]) -> None:
    """Writes the states at a position, then deletes the older checkpoints."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"leg-{position.leg:04d}-step-{position.step:012d}"
    if target.exists():
        return
    with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as checkpointer:
        checkpointer.save(target.absolute(), _leaves(states))
    # Listed after the save, which itself clears what a killed save left behind.
    for path in set(folder.iterdir()) - {target}:
        shutil.rmtree(path)


def latest_checkpoint(folder: Path) -> Position | None:
    """Position of the newest complete checkpoint; None when there is none."""
    names = [path.name for path in folder.iterdir()] if folder.exists() else []
    matches = [match for name in names if (match := NAME.fullmatch(name))]
    return max((Position(int(m[1]), int(m[2])) for m in matches), default=None)


def load_checkpoint(
    folder: Path, position: Position, like: dict[str, Any]
) -> dict[str, Any]:
    """The states at a position, bit for bit, in the structure of `like`."""
    source = folder / f"leg-{position.leg:04d}-step-{position.step:012d}"
    leaves = _leaves(like)
    with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as checkpointer:
        restored = checkpointer.restore(
            source.absolute(),
            item=leaves,
            restore_args=ocp.checkpoint_utils.construct_restore_args(leaves),
        )
    return jax.tree.unflatten(jax.tree.structure(like), jax.tree.leaves(restored))


def _leaves(states: dict[str, Any]) -> dict[str, Any]:
    """Leaves by number: orbax would turn the integer keys of layers into text.

    The numbers are padded because trees are flattened in the order of their keys.
    """
    return {f"{i:06d}": leaf for i, leaf in enumerate(jax.tree.leaves(states))}
