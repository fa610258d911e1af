"""The worker that trains one run after another, resumable at any step.

As a program it reads folders of runs (one per line) from standard input; `executor`
starts it this way.
"""

import contextlib
import json
import sys
import time
import traceback
from pathlib import Path

from bayeslaw.proxy.study import Leg, Row, RunFolder, RunSpec, legs
from bayeslaw.proxy.training import (
    Checkpoints,
    Layout,
    Position,
    Program,
    State,
    TrainingDiverged,
    describe_versions,
    program_of,
    train_leg,
)


def train_run(folder: RunFolder, layout: Layout | None = None) -> None:
    """Train the run of a folder from its latest checkpoint to its end.

    Rows are saved after every evaluation. A run that is killed and resumed yields the
    same bits on the same number of devices and threads.

    Args:
      folder: folder of the run, with its spec; its rows are saved there.
      layout: the devices, and how arrays are divided over them; one device if None.

    Raises:
      TrainingDiverged: a training loss is not finite.
    """
    began, cpu_began = time.monotonic(), time.process_time()
    spec = folder.read_spec()
    program = program_of(spec, folder.corpus_folder, layout)
    with contextlib.closing(Checkpoints(folder.checkpoints)) as checkpoints:
        _train_legs(folder, spec, program, checkpoints)
    folder.finish(
        seconds=time.monotonic() - began, cpu_seconds=time.process_time() - cpu_began
    )


def _train_legs(
    folder: RunFolder, spec: RunSpec, program: Program, checkpoints: Checkpoints
) -> None:
    plan = legs(spec)
    position, states = _resume(checkpoints, spec, program, plan)
    rows = folder.read_rows()
    if spec.translation and spec.translation.untrained and position == Position(0, 0):
        _translate(folder, spec, program, states["trunk"], tokens=0)
    for number, leg in list(enumerate(plan))[position.leg :]:
        start = position.step if number == position.leg else leg.start
        if leg.schedule == "cooled" and "fork" not in states:
            states["fork"] = program.copy(states["trunk"])
        train_leg(folder, spec, program, checkpoints, Position(number, start), states)
        state = states.pop("fork", states["trunk"])
        if leg.tokens:
            rows = [row for row in rows if not _is_of(row, leg)]
            rows += make_rows(spec, program, leg, state)
            folder.save_rows(rows)
        if leg.tokens and leg.schedule == "trunk" and spec.translation:
            _translate(folder, spec, program, state, tokens=leg.tokens)
        if number + 1 < len(plan):
            checkpoints.save(Position(number + 1, plan[number + 1].start), states)


def _translate(
    folder: RunFolder, spec: RunSpec, program: Program, state: State, *, tokens: int
) -> None:
    """Fine-tune a trunk model and save its translation scores."""
    # Not above: sacrebleu and sentencepiece are for studies of translation only.
    from bayeslaw.proxy.translation import measure_translations

    others = [row for row in folder.read_translations() if row["D_p"] != tokens]
    found = measure_translations(
        spec, program, state["params"], folder.corpus_folder, tokens
    )
    folder.save_translations(others + found)


def make_rows(spec: RunSpec, program: Program, leg: Leg, state: State) -> list[Row]:
    """Make the observations of the model at the end of a leg, one row per family.

    FLOP are counted as if this model were trained alone: D tokens including the
    cooldown, even if the trunk was shared.
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
            "tokenizer": corpus.tokenizer,
            "eval_set": corpus.eval_set,
            "versions": describe_versions(spec),
            "mixture": json.dumps(spec.mixture),
        }
        for family, score in scores.items()
    ]


def _resume(
    checkpoints: Checkpoints, spec: RunSpec, program: Program, plan: list[Leg]
) -> tuple[Position, dict[str, State]]:
    """The position to resume from, the state of the trunk, and that of a fork."""
    initial = program.init(spec.entropy)
    position = checkpoints.latest()
    if position is None:
        return Position(0, plan[0].start), {"trunk": initial}
    leg = plan[position.leg]
    inside_fork = leg.schedule == "cooled" and position.step > leg.start
    names = ("fork", "trunk") if inside_fork else ("trunk",)
    return position, checkpoints.load(position, dict.fromkeys(names, initial))


def _is_of(row: Row, leg: Leg) -> bool:
    return (row["D"], row["schedule"]) == (leg.tokens, leg.schedule)


def work_on(folder: RunFolder) -> None:
    """Train the run of a folder once no other process does, and record a failure."""
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
    """Train the runs whose folders are named on standard input."""
    for line in sys.stdin:
        work_on(RunFolder(Path(line.rstrip("\n"))))


if __name__ == "__main__":
    main()
