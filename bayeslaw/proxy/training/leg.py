"""Train one leg of a run: chunk after chunk, with log, heartbeat and checkpoints."""

import numpy as np

from bayeslaw.proxy.study import Leg, RunFolder, RunSpec, learning_rates, legs
from bayeslaw.proxy.training.checkpoint import Checkpoints, Position
from bayeslaw.proxy.training.throughput import Throughput, peak_flops
from bayeslaw.proxy.training.training_program import (
    Measured,
    Program,
    State,
    advance_chunk,
    check_finite,
)


def train_leg(
    folder: RunFolder,
    spec: RunSpec,
    program: Program,
    checkpoints: Checkpoints,
    position: Position,
    states: dict[str, State],
) -> None:
    """Train from a position to the end of its leg; `states` holds the result.

    A chunk is reported while the next one runs, so that the device never waits for the
    host; a checkpoint waits for its own chunk.

    Args:
      folder: folder of the run.
      spec: the run.
      program: its compiled functions.
      checkpoints: where intermediate states are saved.
      position: the leg and the first step.
      states: "trunk", and "fork" in a cooled leg; the one that is trained is replaced.

    Raises:
      TrainingDiverged: a loss is not finite; no checkpoint contains such a state.
    """
    training, leg = spec.training, legs(spec)[position.leg]
    name = "fork" if leg.schedule == "cooled" else "trunk"
    report = Report(folder, spec, position.leg, program)
    running: tuple[int, Measured] | None = None
    for step in range(position.step, leg.stop, training.chunk):
        states[name], measured = advance_chunk(program, spec, leg, states[name], step)
        if running:
            report(*running)
        running, reached = (step, measured), step + training.chunk
        if report.is_checkpoint(reached) and reached < leg.stop:
            report(*running)
            running = None
            checkpoints.save(Position(position.leg, reached), states)
    if running:
        report(*running)


class Report:
    """Checks the losses of finished chunks and reports progress."""

    def __init__(self, folder: RunFolder, spec: RunSpec, number: int, program: Program):
        plan = legs(spec)
        self.folder, self.spec, self.number = folder, spec, number
        self.leg: Leg = plan[number]
        self.before = sum(leg.stop - leg.start for leg in plan[:number])
        devices = program.layout.devices
        peak = peak_flops(devices[0].device_kind, len(devices))
        self.speed = Throughput(program.flops_per_token, peak)

    def __call__(self, step: int, measured: Measured) -> None:
        """Wait for the chunk that began at `step` and log it.

        Raises:
          TrainingDiverged: one of its losses is not finite.
        """
        training = self.spec.training
        losses = np.asarray(measured["loss"])
        check_finite(losses, self.spec, self.leg, step)
        reached = step + training.chunk
        self.folder.beat(self._steps(reached) * training.tokens_per_step)
        rate = learning_rates(self.leg, training, reached - 1, reached)[0]
        self.folder.log(
            {
                "leg": self.number,
                "schedule": self.leg.schedule,
                "step": reached,
                "tokens": reached * training.tokens_per_step,
                "loss": float(losses.mean()),
                "gradient_norm": float(np.asarray(measured["gradient_norm"]).mean()),
                "rate": float(rate),
                **self.speed.measure(training.chunk * training.tokens_per_step),
            }
        )

    def is_checkpoint(self, reached: int) -> bool:
        """Whether a checkpoint is due once this step of the leg is reached."""
        training = self.spec.training
        every = training.chunk * training.checkpoint_chunks
        return self._steps(reached) % every == 0

    def _steps(self, reached: int) -> int:
        """Steps of the whole run, all legs, when this one has reached a step."""
        return self.before + reached - self.leg.start
