"""The closed loop: fit, choose, train, and again, until there is a reason to stop.

All state lies in files: the study, its table, and a record of what was chosen. A loop
that was killed goes on where it was.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bayeslaw.design.plan import NextRuns
from bayeslaw.errors import FailedChecksError

RECORD = "rounds.jsonl"
# Share of the budget that the first round may spend; later ones as much as all before.
FIRST = 1 / 16


@dataclass(frozen=True)
class Round:
    """What one round found and chose.

    Attributes:
      number: from 1.
      spent: FLOPs of the runs of the loop before it.
      chosen: what was to be made next, as `NextRuns.to_dict` has it.
    """

    number: int
    spent: float
    chosen: dict[str, Any]


@dataclass(frozen=True)
class Steps:
    """What a loop does in each round.

    Attributes:
      train: trains what the study asks for and its table lacks.
      choose: from the FLOPs of a round and its number: fits the table and chooses runs.
      add: writes chosen runs into the study.
    """

    train: Callable[[], None]
    choose: Callable[[float, int], NextRuns]
    add: Callable[[NextRuns], None]


@dataclass(frozen=True)
class Ended:
    """How a loop ended.

    Attributes:
      reason: settled, not worth it, unaffordable, failed checks, or rounds.
      rounds: all rounds, those of earlier calls too.
      spent: FLOPs of all runs of the loop.
      message: of the checks that failed.
    """

    reason: str
    rounds: tuple[Round, ...]
    spent: float
    message: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain record for JSON."""
        rounds = [vars(one) for one in self.rounds]
        return {**vars(self), "rounds": rounds}


def run_loop(
    study: Path,
    steps: Steps,
    *,
    budget: float,
    rounds: int,
    report: Callable[[Round], None] = lambda _: None,
) -> Ended:
    """Run or go on with a loop.

    Args:
      study: the study file; the record lies in `out/loop` beside it.
      steps: what a round does.
      budget: FLOPs of all runs that the loop adds.
      rounds: most rounds, those of earlier calls too.
      report: called with each new round.

    Returns:
      how it ended.
    """
    record = study.parent / "out" / "loop" / RECORD
    record.parent.mkdir(parents=True, exist_ok=True)
    while True:
        lines = _read(record)
        if lines and lines[-1]["study_sha256"] == _hash(study):
            # Killed between choosing and writing into the study.
            steps.add(NextRuns.from_dict(lines[-1]["chosen"]))
        steps.train()
        done = _rounds(lines)
        spent = sum(one.chosen["cost"] for one in done)
        if len(done) == rounds:
            return Ended("rounds", done, spent)
        try:
            chosen = _choose(steps, budget, spent, len(done) + 1)
        except FailedChecksError as error:
            return Ended("failed checks", done, spent, str(error))
        found = Round(len(done) + 1, spent, chosen.to_dict())
        report(found)
        if chosen.stop:
            return Ended(chosen.stop, (*done, found), spent)
        _append(record, {"study_sha256": _hash(study), "chosen": found.chosen})
        steps.add(chosen)


def _choose(steps: Steps, budget: float, spent: float, number: int) -> NextRuns:
    """Run for as much as was spent before, or for all that is left."""
    left = max(budget - spent, 1.0)
    share = min(left, max(spent, FIRST * budget))
    chosen = steps.choose(share, number)
    if chosen.stop == "unaffordable" and share < left:
        return steps.choose(left, number)
    return chosen


def _rounds(lines: list[dict[str, Any]]) -> tuple[Round, ...]:
    found, spent = [], 0.0
    for number, line in enumerate(lines, 1):
        found.append(Round(number, spent, line["chosen"]))
        spent += line["chosen"]["cost"]
    return tuple(found)


def _read(record: Path) -> list[dict[str, Any]]:
    if not record.exists():
        return []
    return [json.loads(line) for line in record.read_text("utf-8").splitlines()]


def _append(record: Path, line: dict[str, Any]) -> None:
    whole = [json.dumps(one) for one in (*_read(record), line)]
    temporary = record.with_suffix(".partial")
    temporary.write_text("\n".join(whole) + "\n", encoding="utf-8")
    temporary.replace(record)


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
