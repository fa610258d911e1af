"""Trains one run after another: a pure function of the spec, resumable at any step.

As a program it reads folders of runs (one a line) from standard input; `executor`
starts it so.
"""

import json
import platform
import sys
import time
import traceback
from importlib.metadata import version
from pathlib import Path

import jax

from bayeslaw.proxy.checkpoint import (
    Position,
    latest_checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from bayeslaw.proxy.config import RunSpec
from bayeslaw.proxy.folder import Row, RunFolder
from bayeslaw.proxy.program import (
    Program,
    State,
    TrainingDiverged,
    advance_chunk,
    program_of,
)
from bayeslaw.proxy.schedule import Leg, legs


def train_run(folder: RunFolder) -> None:
    """Trains the run of a folder from its latest checkpoint to its end.

    Rows are saved after every evaluation; a run that is killed and trained again
    yields the same bits.

    Raises:
      TrainingDiverged: a training loss is not finite.
    """
    began, cpu_began = time.monotonic(), time.process_time()
    spec = folder.read_spec()
    program, plan = program_of(spec), legs(spec)
    position, states = _resume(folder, spec, program, plan)
    rows = folder.read_rows()
    for number, leg in list(enumerate(plan))[position.leg :]:
        resumed_at = position.step if number == position.leg else leg.start
        state = states.pop("fork", states["trunk"])
        state = _train_leg(folder, spec, program, number, resumed_at, state, states)
        if leg.tokens:
            done = [row for row in rows if not _is_of(row, leg)]
            rows = done + make_rows(spec, program, leg, state)
            folder.save_rows(rows)
        if leg.schedule == "trunk":
            states["trunk"] = state
        if number + 1 < len(plan):
            next_position = Position(number + 1, plan[number + 1].start)
            save_checkpoint(folder.checkpoints, next_position, states)
    folder.finish(
        seconds=time.monotonic() - began, cpu_seconds=time.process_time() - cpu_began
    )


def make_rows(spec: RunSpec, program: Program, leg: Leg, state: State) -> list[Row]:
    """Observations of the model at the end of a leg, one row per family.

    The FLOP are those of this model trained alone: D tokens, cooldown included, also
    where the trunk was shared.
    """
    scores = program.evaluate(state["params"])
    corpus = program.corpus
    unique = dict(zip(corpus.families, corpus.train.length.tolist(), strict=True))
    return [
        {
            "study": spec.study,
            "run": spec.run,
            "seed": spec.seed,
            "origin": "measured",
            "proxy": spec.proxy_name,
            "N": program.counts["non_embedding"],
            "D": leg.tokens,
            "schedule": leg.schedule,
            "family": family,
            "p": spec.mixture[family],
            "metric": "loss",
            "unit": "bits/byte",
            "value": score.value,
            "se": score.se,
            "flops": program.flops_per_token * leg.tokens,
            "unique_tokens": unique[family],
            "tokenizer": spec.tokenizer.kind,
            "eval_set": corpus.eval_set,
            "versions": describe_versions(spec),
            "mixture": json.dumps(spec.mixture),
        }
        for family, score in scores.items()
    ]


def describe_versions(spec: RunSpec) -> str:
    """Software that made a row, the device, and the hash of the run's spec."""
    packages = ("bayeslaw", "jax", "flax", "optax", "numpy")
    parts = [f"{name} {version(name)}" for name in packages]
    parts.append(f"python {platform.python_version()}")
    parts.append(f"device {jax.devices()[0].device_kind}")
    return "; ".join([*parts, f"spec {spec.hash}"])


def _resume(
    folder: RunFolder, spec: RunSpec, program: Program, plan: list[Leg]
) -> tuple[Position, dict[str, State]]:
    """Where to go on, the state of the trunk, and that of a fork if inside one."""
    initial = program.init(spec.entropy)
    position = latest_checkpoint(folder.checkpoints)
    if position is None:
        return Position(0, plan[0].start), {"trunk": initial}
    leg = plan[position.leg]
    inside_fork = leg.schedule == "cooled" and position.step > leg.start
    names = ("fork", "trunk") if inside_fork else ("trunk",)
    like = dict.fromkeys(names, initial)
    return position, load_checkpoint(folder.checkpoints, position, like)


def _train_leg(
    folder: RunFolder,
    spec: RunSpec,
    program: Program,
    number: int,
    start: int,
    state: State,
    states: dict[str, State],
) -> State:
    """The state at the end of a leg, with heartbeats and checkpoints on the way."""
    training, plan = spec.training, legs(spec)
    leg, before = plan[number], sum(leg.stop - leg.start for leg in plan[:number])
    every = training.chunk * training.checkpoint_chunks
    for step in range(start, leg.stop, training.chunk):
        state = advance_chunk(program, spec, leg, state, step)
        reached = step + training.chunk
        steps = before + reached - leg.start
        folder.beat(steps * training.tokens_per_step)
        if steps % every == 0 and reached < leg.stop:
            live = {"trunk": state}
            if leg.schedule == "cooled":
                live = {"fork": state, "trunk": states["trunk"]}
            save_checkpoint(folder.checkpoints, Position(number, reached), live)
    return state


def _is_of(row: Row, leg: Leg) -> bool:
    return (row["D"], row["schedule"]) == (leg.tokens, leg.schedule)


def work_on(folder: RunFolder) -> None:
    """Trains the run of a folder once no other process does, and records a failure."""
    with folder.locked():
        if folder.is_over:
            return
        folder.forget_crash()
        try:
            train_run(folder)
        except TrainingDiverged as error:
            folder.fail(kind="diverged", reason=str(error))
        except Exception:
            # One run's failure, of whatever kind, must not stop the others.
            folder.fail(kind="crashed", reason=traceback.format_exc())


def main() -> None:
    """Trains the runs whose folders are named on standard input."""
    for line in sys.stdin:
        work_on(RunFolder(Path(line.rstrip("\n"))))


if __name__ == "__main__":
    main()
