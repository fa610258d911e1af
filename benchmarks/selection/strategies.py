"""Ways to choose the next runs for some FLOPs: ours, and what others do.

Each takes the same runs to choose from (sizes, token counts, mixtures) and returns
indices of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bayeslaw.design.beliefs import Beliefs
from bayeslaw.design.candidates import Cell
from bayeslaw.design.outcomes import Outcomes


@dataclass(frozen=True)
class Choices:
    """What may be run: every cell with every mixture.

    Attributes:
      cells: sizes and token counts, with their costs.
      mixtures: ratios. Shape (mixture, family).
    """

    cells: Sequence[Cell]
    mixtures: np.ndarray

    @property
    def cost(self) -> np.ndarray:
        """FLOPs of each run, cells first. Shape (run,)."""
        return np.repeat([cell.cost for cell in self.cells], len(self.mixtures))

    def at(self, i: int) -> tuple[Cell, np.ndarray]:
        """Cell and mixture of a run."""
        cell, mixture = divmod(int(i), len(self.mixtures))
        return self.cells[cell], self.mixtures[mixture]

    def features(self) -> np.ndarray:
        """Scaled log N, log D and log ratios. Shape (run, feature)."""
        where = np.log([[cell.N, cell.tokens[-1]] for cell in self.cells])
        both = np.concatenate(
            [
                np.repeat(where, len(self.mixtures), axis=0),
                np.tile(np.log(self.mixtures), (len(self.cells), 1)),
            ],
            axis=1,
        )
        return (both - both.mean(0)) / both.std(0)


def _until_spent(
    choices: Choices, budget: float, pick: Callable[[np.ndarray], int]
) -> list[int]:
    """Runs that `pick` chooses from those that the rest of the budget pays."""
    found: list[int] = []
    left, cost = budget, choices.cost
    while (cost <= left).any():
        i = pick(np.flatnonzero(cost <= left))
        found.append(i)
        left -= cost[i]
    return found


def uniform(choices: Choices, budget: float, rng: np.random.Generator) -> list[int]:
    """Any run as likely as any other."""
    return _until_spent(choices, budget, lambda able: int(rng.choice(able)))


def inverse_cost(
    choices: Choices, budget: float, rng: np.random.Generator
) -> list[int]:
    """Runs with a probability in inverse proportion to their cost."""

    def pick(able: np.ndarray) -> int:
        weight = 1 / choices.cost[able]
        return int(rng.choice(able, p=weight / weight.sum()))

    return _until_spent(choices, budget, pick)


def max_min(choices: Choices, budget: float, made: np.ndarray) -> list[int]:
    """The run farthest from all others, one after the other, costs not looked at.

    Args:
      choices: what may be run.
      budget: FLOPs.
      made: features of the runs made so far. Shape (run, feature).
    """
    features = choices.features()
    distance = np.min([np.linalg.norm(features - one, axis=1) for one in made], axis=0)

    def pick(able: np.ndarray) -> int:
        nonlocal distance
        i = int(able[distance[able].argmax()])
        away = np.linalg.norm(features - features[i], axis=1)
        distance = np.minimum(distance, away)
        return i

    return _until_spent(choices, budget, pick)


def d_optimal(
    choices: Choices, budget: float, now: Beliefs, outcomes: Outcomes, runs: int
) -> list[int]:
    """Most information about all losses for its cost: log det(I + R^-1 S) / FLOPs."""

    def gain(beliefs: Beliefs, loadings: np.ndarray, log_ratio: np.ndarray) -> float:
        _, _, own = beliefs.outcome(loadings)
        noise = outcomes.noise.of_run(log_ratio, loadings.shape[1])
        return np.linalg.slogdet(own + noise)[1] - np.linalg.slogdet(noise)[1]

    return _greedy(choices, budget, now, outcomes, gain, runs)


def information(
    choices: Choices,
    budget: float,
    now: Beliefs,
    outcomes: Outcomes,
    runs: int,
    optimum: np.ndarray,
) -> list[int]:
    """Most information about the optimum for its cost (EIG): fall of its entropy.

    Args:
      choices: what may be run.
      budget: FLOPs.
      now: beliefs.
      outcomes: losses of the choices.
      runs: at most so many.
      optimum: covariance of the choice (see `Beliefs`) before any run.
    """
    # The optimum lies on the simplex: one direction has no variance.
    values, vectors = np.linalg.eigh(optimum)
    inside = vectors[:, values > 1e-9 * values.max()]
    state = {"left": inside.T @ optimum @ inside}

    def told(
        beliefs: Beliefs, loadings: np.ndarray, log_ratio: np.ndarray
    ) -> np.ndarray:
        _, choice, own = beliefs.outcome(loadings)
        along = choice @ inside
        noise = outcomes.noise.of_run(log_ratio, loadings.shape[1])
        return along.T @ np.linalg.solve(own + noise, along)

    def gain(beliefs: Beliefs, loadings: np.ndarray, log_ratio: np.ndarray) -> float:
        after = state["left"] - told(beliefs, loadings, log_ratio)
        return np.linalg.slogdet(state["left"])[1] - np.linalg.slogdet(after)[1]

    def note(beliefs: Beliefs, loadings: np.ndarray, log_ratio: np.ndarray) -> None:
        state["left"] = state["left"] - told(beliefs, loadings, log_ratio)

    return _greedy(choices, budget, now, outcomes, gain, runs, note)


def _greedy(
    choices: Choices,
    budget: float,
    now: Beliefs,
    outcomes: Outcomes,
    gain: Callable[[Beliefs, np.ndarray, np.ndarray], float],
    runs: int,
    note: Callable[[Beliefs, np.ndarray, np.ndarray], None] = lambda *_: None,
) -> list[int]:
    """One run after the other, each the best for its cost."""
    found: list[int] = []
    left, cost = budget, choices.cost
    loadings = np.concatenate([outcomes.loadings(cell) for cell in choices.cells])
    log_ratio = np.tile(outcomes.log_ratio, (len(choices.cells), 1))
    while (cost <= left).any() and len(found) < runs:
        able = np.flatnonzero(cost <= left)
        score = [gain(now, loadings[i], log_ratio[i]) / cost[i] for i in able]
        i = int(able[int(np.argmax(score))])
        note(now, loadings[i], log_ratio[i])
        now = now.after(loadings[i], outcomes.noise, log_ratio[i])
        found.append(i)
        left -= cost[i]
    return found
