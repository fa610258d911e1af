"""Calibration: whether intervals contain simulated truths as often as they claim."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bayeslaw.data.losses import RunTable
from bayeslaw.decisions import require_ratios, target_loss_of
from bayeslaw.decisions.solvers import Losses, best_per_draw, no_limits
from bayeslaw.errors import InputError, InputErrors
from bayeslaw.evaluation.coverage import Calibration
from bayeslaw.evaluation.simulation import simulate
from bayeslaw.inference import SamplerSettings, sample, use_compile_cache
from bayeslaw.laws import Law
from bayeslaw.model import ModelSpec, arrange, read_spec, select_rows
from bayeslaw.numbers import in_float64

# Draws kept of each quantity: ranks among these are as fine as any test here sees.
KEPT_DRAWS = 200
# From the seed of a study that is no table to the next one tried.
SEED_STEP = 1_000_000
# So many seeds are tried; one of 200 studies of the default model needed a second.
MAX_TRIED = 20
SETTINGS = SamplerSettings(chains=4, warmup=200, draws=100, max_tree_depth=7)


@dataclass(frozen=True)
class Design:
    """Runs of a simulated study and the target run of its decision.

    Attributes:
      families: names of the families.
      sizes: non-embedding parameters N.
      tokens: training tokens D.
      n_mixtures: mixtures, see `simulate`.
      n_seeds: seeds of the first mixture.
      target_N: non-embedding parameters of the target run.
      target_D: training tokens of the target run.
    """

    families: tuple[str, ...] = ("germanic", "romance", "slavic")
    sizes: tuple[float, ...] = (1e7, 5e7, 2.5e8)
    tokens: tuple[float, ...] = (1e9, 3e9, 1e10)
    n_mixtures: int = 7
    n_seeds: int = 3
    target_N: float = 2.5e9
    target_D: float = 5e10


def calibrate(
    spec: ModelSpec | str | Path,
    *,
    n_studies: int = 200,
    seed: int = 0,
    truth: ModelSpec | str | Path | None = None,
    design: Design | None = None,
    settings: SamplerSettings = SETTINGS,
    batch: int = 8,
    report: Callable[[int, int], None] | None = None,
) -> Calibration:
    """Fit a model to studies simulated from known truths.

    Truths are drawn from the prior, so that the intervals of a correct posterior
    contain them with exactly the stated probability, on average over studies.

    Args:
      spec: model to fit, its file, or the name of a shipped one; a law with ratios,
        without transfer and repetition.
      n_studies: simulated studies, two or more.
      seed: seed of the first study; each further study adds 1.
      truth: model to simulate from; `spec` if not given. Where it differs, only
        predictions and optimal ratios are compared.
      design: runs of each study, and the target of the decision.
      settings: settings of the sampler.
      batch: studies fitted side by side.
      report: called with (studies done, number of studies).

    Returns:
      truths and draws, see `Calibration`.

    Raises:
      InputError: simulated studies cannot test the model, or there are too few.

    Example:
      >>> calibration = calibrate("default", n_studies=200)
      >>> calibration.faults
      []
    """
    spec, design = read_spec(spec), design or Design()
    truth = read_spec(truth or spec)
    _require_possible(spec, truth, n_studies, design)
    use_compile_cache()
    parts = []
    for start in range(0, n_studies, batch):
        seeds = range(seed + start, seed + start + batch)
        parts.append(_batch(spec, truth, design, seeds, settings))
        if report:
            report(min(start + batch, n_studies), n_studies)
    names = list(parts[0].truths)
    return Calibration(
        {n: np.concatenate([p.truths[n] for p in parts])[:n_studies] for n in names},
        {n: np.concatenate([p.draws[n] for p in parts])[:n_studies] for n in names},
        np.concatenate([p.diverging for p in parts])[:n_studies],
    )


def _require_possible(
    spec: ModelSpec, truth: ModelSpec, n_studies: int, design: Design
) -> None:
    for model in (spec, truth):
        require_ratios(model)
        if "mixture" in model.law_record.all_inputs:
            raise InputError(
                "calibration does not support transfer",
                f"model spec {model.name}, section [extensions]",
                "transfer = true",
                "a law in which a family's loss depends only on its own ratio",
                "set transfer = false, or choose another model",
            )
        if "epochs" in model.law_record.all_inputs:
            raise InputError(
                "calibration does not support repetition",
                f"model spec {model.name}, section [extensions]",
                "repetition = true",
                "a model of tokens that are seen once, as in simulated studies",
                "set repetition = false, or choose another model",
            )
    for what, where, count in (
        ("studies", "argument n_studies", n_studies),
        ("families", "argument design, families", len(design.families)),
    ):
        if count < 2:
            raise InputError(
                f"too few {what} for a calibration",
                where,
                str(count),
                "two or more; 200 studies detect a posterior that is 30 % too narrow"
                if what == "studies"
                else "two or more: a single family has ratio 1",
                f"simulate more {what}",
            )


@in_float64
def _batch(
    spec: ModelSpec,
    truth_spec: ModelSpec,
    design: Design,
    seeds: Sequence[int],
    settings: SamplerSettings,
) -> Calibration:
    studies = [_study(truth_spec, design, seed) for seed in seeds]
    arranged = [arrange(select_rows(table, spec), spec) for table, _ in studies]
    data = jax.tree.map(lambda *a: jnp.stack(a), *(data for data, _ in arranged))
    keys = jnp.stack([jax.random.key(seed) for seed in seeds])
    drawn = jax.device_get(sample(spec, data, keys, settings))
    truths, draws = [], []
    for i, ((_, truth), (_, layout)) in enumerate(zip(studies, arranged, strict=True)):
        values = {name: _thinned(array[i]) for name, array in drawn.values.items()}
        true_values = {
            name: np.asarray(truth[name])[None]
            for name in (*truth_spec.law_record.coordinates, "sigma")
        }
        truths.append(
            _quantities(truth_spec.law_record, true_values, truth["reference"], design)
        )
        draws.append(_quantities(spec.law_record, values, layout.reference, design))
        if spec == truth_spec:
            names = [*spec.law_record.coordinates, "sigma"]
            truths[-1] |= {name: true_values[name] for name in names}
            draws[-1] |= {name: values[name] for name in names}
    diverging = np.asarray(drawn.statistics["diverging"])
    return Calibration(
        {name: np.stack([one[name][0] for one in truths]) for name in truths[0]},
        {name: np.stack([one[name] for one in draws]) for name in draws[0]},
        diverging.mean((1, 2)),
    )


def _study(
    spec: ModelSpec, design: Design, seed: int
) -> tuple[RunTable, dict[str, Any]]:
    """Simulate a study; draw another if its losses are not finite numbers above 0.

    Noise with a tenth of a degree of freedom causes that. Whether a study is kept
    depends only on its data, so that the posterior given these stays correct.

    Raises:
      InputErrors: no seed tried gives a table.
    """
    *others, last = (seed + attempt * SEED_STEP for attempt in range(MAX_TRIED))
    draw = partial(
        simulate,
        spec,
        families=design.families,
        sizes=design.sizes,
        tokens=design.tokens,
        n_mixtures=design.n_mixtures,
        n_seeds=design.n_seeds,
    )
    for other in others:
        with suppress(InputErrors):
            return draw(seed=other)
    return draw(seed=last)


def _thinned(values: np.ndarray) -> np.ndarray:
    """Draws of all chains, evenly thinned. Shape (chain, draw, ...) to (draw, ...)."""
    joined = values.reshape(-1, *values.shape[2:])
    pick = np.linspace(0, len(joined) - 1, min(KEPT_DRAWS, len(joined))).astype(int)
    return joined[pick]


def _quantities(
    law: Law,
    values: Mapping[str, np.ndarray],
    reference: Mapping[str, float],
    design: Design,
) -> dict[str, np.ndarray]:
    """The quantities behind a decision: losses and best ratios at the target."""
    own = {name: values[name] for name in law.coordinates}
    form = target_loss_of(law, reference, design.target_N)(own, design.target_D)
    n_families = len(design.families)
    scaled = form.full - form.floor
    return {
        "log loss at the target": np.log(
            form.floor + scaled * n_families**form.exponent
        ),
        "optimal ratios": best_per_draw(
            Losses(form.floor, scaled, form.exponent), no_limits(n_families)
        ).ratios,
    }
