"""Warm-up, stable rate, cooldown (WSD): one trunk, one cooled fork for every D.

A model of D tokens follows the trunk at constant rate for the first
(1 - cooldown_fraction) D tokens and then cools down. The trunk is trained once.
"""

from dataclasses import dataclass

import numpy as np

from bayeslaw.proxy.study.config import RunSpec, Training


@dataclass(frozen=True)
class Leg:
    """A stretch of training steps with one schedule and no evaluation inside."""

    schedule: str  # "trunk": constant rate after warm-up; "cooled": rate falls to zero
    start: int  # step at which the leg begins; a cooled leg forks from the trunk here
    stop: int  # step after the last
    tokens: int  # D of the model evaluated at the end; 0 = no evaluation


def cooldown_start(training: Training, tokens: int) -> int:
    """Step at which the model of `tokens` tokens leaves the trunk."""
    steps = tokens // training.tokens_per_step
    return steps - round(steps * training.cooldown_fraction)


def legs(spec: RunSpec) -> list[Leg]:
    """The legs of a run, in the order of training."""
    training = spec.training
    forks = {cooldown_start(training, D): D for D in spec.tokens}
    ends = {D // training.tokens_per_step: D for D in spec.tokens}
    trunk_ends = ends if training.evaluate_trunk else {}
    plan, at = [], 0
    for stop in sorted(forks.keys() | trunk_ends.keys()):
        plan.append(Leg("trunk", at, stop, trunk_ends.get(stop, 0)))
        if D := forks.get(stop):
            plan.append(Leg("cooled", stop, D // training.tokens_per_step, D))
        at = stop
    return plan


def learning_rates(leg: Leg, training: Training, start: int, stop: int) -> np.ndarray:
    """Rates of the steps [start, stop) of a leg. Shape (step,), float32.

    Linear warm-up, constant rate, and 1 - sqrt to zero in the cooldown.
    Source: Hägele et al. 2024, 2405.18392, section 3.
    """
    step = np.arange(start, stop)
    share = np.minimum(1.0, (step + 1) / max(training.warmup, 1))
    if leg.schedule == "cooled":
        share = 1 - np.sqrt((step - leg.start) / (leg.stop - leg.start))
    return (training.learning_rate * share).astype(np.float32)
