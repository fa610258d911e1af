"""NUTS learns a preconditioner, HMC draws with it: chains run in lockstep."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from threadpoolctl import threadpool_limits

from bayeslaw.inference.kernel import SamplerSettings as SamplerSettings
from bayeslaw.inference.kernel import chunks, kernel_of
from bayeslaw.inference.preconditioner import Preconditioner
from bayeslaw.model import ModelSpec, PaddedArrays

Report = Callable[[str, int, int, int], None]

# Linux ends a process that holds more than 65,530 mapped areas of memory, and the
# programs of one sampler take 3,500. Above this many, all programs are dropped.
MAX_MAPPED_AREAS = 30_000


class Draws(NamedTuple):
    """Draws of all chains.

    Attributes:
      values: sites and deterministic quantities, each (chain, draw, ...).
      statistics: diverging, energy, acceptance_rate, n_steps, each (chain, draw).
      step_size: step size of each chain; the same for all.
      at_tree_limit: share of each chain's last iterations of warm-up that ended at the
        largest tree.
    """

    values: dict[str, Array]
    statistics: dict[str, Array]
    step_size: Float[Array, " chain"]
    at_tree_limit: Float[Array, " chain"]


def sample(
    spec: ModelSpec,
    data: PaddedArrays,
    key: Array,
    settings: SamplerSettings,
    report: Report | None = None,
) -> Draws:
    """Draw from the posterior of a spec.

    The chains begin near modes, preconditioned by a Normal approximation there. Warm-up
    by NUTS has two stages: from the second half of the first, all chains together learn
    what the data fix and how positions vary together; in the second, which moves in
    that preconditioner, they learn how far to go. The draws are made by HMC with paths
    of random length, up to the mean one of NUTS (as Wu, Stoehr and Robert 2018, arXiv
    1810.04449, do): with one preconditioner and one length for all, no chain waits for
    another, and none turns around within a path.

    Args:
      spec: model spec.
      data: observations; the compiled program is reused for equal shapes. With one
        more axis in front of every array: as many data sets, fitted side by side.
      key: random key, one for each data set.
      settings: settings of the sampler.
      report: called with (phase, iterations done, total, divergences so far).

    Returns:
      draws of every site, chains first (after data sets).
    """
    _make_room()
    kernel = kernel_of(spec, settings, data.log_value.ndim == 3)
    keys = _split(key, 4)
    progress = _Progress(report, 2 * settings.stage + settings.draws)

    def explore(state: Any, preconditioner: Preconditioner) -> tuple[Any, Any]:
        def advance(state: Any, _: int) -> tuple[Any, Any]:
            return kernel.explore(state, data, preconditioner)

        return _advance(advance, state, settings.stage, progress, "warm-up")

    # Matrices are small: several threads would only wait for each other.
    with threadpool_limits(1, user_api="blas"):
        preconditioner, starts = kernel.first_preconditioner(keys[0], data)
        state = kernel.start(keys[1], starts, data, preconditioner)
        state, (positions, _) = explore(state, preconditioner)
        preconditioner, starts = kernel.next_preconditioner(
            positions, data, preconditioner
        )
        state = kernel.start(keys[2], starts, data, preconditioner)
        state, (_, statistics) = explore(state, preconditioner)
        settled = kernel.settle(
            keys[3], state, statistics["n_steps"], data, preconditioner
        )

        def draw(state: Any, chunk: int) -> tuple[Any, Any]:
            return kernel.draw(
                state, settled.paths[..., chunk, :], data, preconditioner
            )

        _, kept = _advance(draw, settled.state, settings.draws, progress, "sampling")
        values = kernel.constrain(kept[0], data, preconditioner)
    return Draws(values, kept[1], settled.step_size, settled.at_tree_limit)


def _make_room() -> None:
    """Drop compiled programs if there are many; they are loaded again when needed."""
    mapped = Path("/proc/self/maps")
    if mapped.exists() and mapped.read_bytes().count(b"\n") > MAX_MAPPED_AREAS:
        jax.clear_caches()


def _split(key: Array, count: int) -> Array:
    """So many keys of one, or of each of several, the new axis first."""
    if not key.ndim:
        return jax.random.split(key, count)
    return jnp.stack([jax.random.split(one, count) for one in key], axis=1)


class _Progress:
    """Counts iterations and divergences for a progress report."""

    def __init__(self, report: Report | None, total: int):
        self.report, self.total, self.done, self.diverged = report, total, 0, 0

    def add(self, phase: str, n_iterations: int, diverging: np.ndarray) -> None:
        self.done += n_iterations
        if phase == "sampling":
            self.diverged += int(diverging.sum())
        if self.report:
            self.report(phase, self.done, self.total, self.diverged)


def _advance(
    advance: Callable[[Any, int], tuple[Any, Any]],
    state: Any,
    n_iterations: int,
    progress: _Progress,
    phase: str,
) -> tuple[Any, Any]:
    """Run a stage; positions and statistics of its iterations, chains first."""
    n_chunks, chunk = chunks(n_iterations)
    kept = []
    for i in range(n_chunks):
        state, collected = advance(state, i)
        kept.append(jax.device_get(collected))
        n_new = min(chunk, n_iterations - i * chunk)
        progress.add(phase, n_new, kept[-1][1]["diverging"])
    # A chunk has axes (set,) iteration, chain.
    axis = kept[0][1]["diverging"].ndim - 2

    def joined(*parts: np.ndarray) -> np.ndarray:
        whole = np.concatenate(parts, axis).take(range(n_iterations), axis)
        return whole.swapaxes(axis, axis + 1)

    return state, jax.tree.map(joined, *kept)
