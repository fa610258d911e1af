"""Calibration: whether intervals hold simulated truths as often as they say."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy import stats

from bayeslaw.errors import InputErrors
from bayeslaw.law import Law
from bayeslaw.observations import arrange, select_rows
from bayeslaw.ratio_form import ratio_form
from bayeslaw.runs import RunTable
from bayeslaw.sampler import SamplerSettings, sample
from bayeslaw.simplex import optimum_per_draw
from bayeslaw.simulation import simulate
from bayeslaw.spec import ModelSpec

# Draws kept of each quantity: ranks among these are as fine as any test here sees.
KEPT_DRAWS = 200
# From the seed of a study that is no table to the next one tried.
SEED_STEP = 1_000_000
# So many seeds are tried; one of 200 studies of the default model needed a second.
MAX_TRIED = 20
# All tests of one calibration together fail a right posterior this often.
FALSE_ALARM = 0.01
SETTINGS = SamplerSettings(chains=4, warmup=200, draws=100, max_tree_depth=7)


@dataclass(frozen=True)
class Design:
    """Runs of a simulated study and the target run of its decision.

    Args:
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


@dataclass(frozen=True)
class Coverage:
    """How often central intervals of one quantity held the truth.

    Args:
      quantity: its name; values of several families count together.
      within_50: share of truths inside the 50 % interval.
      within_90: share of truths inside the 90 % interval.
      se_90: standard error of `within_90` over simulated studies.
      p_location: p-value of the test that posteriors are not shifted.
      p_width: p-value of the test that they are neither too narrow nor too wide.
    """

    quantity: str
    within_50: float
    within_90: float
    se_90: float
    p_location: float
    p_width: float


@dataclass(frozen=True)
class Calibration:
    """Truths and draws of many simulated studies.

    Args:
      truths: true values by quantity, (study, family) or (study, 1).
      draws: posterior draws by quantity, (study, draw, family) or (study, draw, 1).
      diverging: share of divergent iterations of each study.
    """

    truths: Mapping[str, Float[np.ndarray, "study value"]]
    draws: Mapping[str, Float[np.ndarray, "study draw value"]]
    diverging: Float[np.ndarray, " study"]

    def spoilt(self, *, narrowed: float = 0.0, shifted: float = 0.0) -> "Calibration":
        """The same with posteriors narrowed by a share and shifted by so many sd.

        What tests of calibration must find; see the tests of this package.
        """

        def spoil(draws: np.ndarray) -> np.ndarray:
            centre, sd = draws.mean(1, keepdims=True), draws.std(1, keepdims=True)
            return centre + (1 - narrowed) * (draws - centre) + shifted * sd

        changed = {name: spoil(draws) for name, draws in self.draws.items()}
        return Calibration(self.truths, changed, self.diverging)

    def ranks(self, quantity: str) -> Float[np.ndarray, "study value"]:
        """Rank of each truth among its draws, between 0 and 1; uniform if calibrated.

        Source: Talts et al. 2018, arXiv 1804.06788.
        """
        draws, truth = self.draws[quantity], self.truths[quantity][:, None]
        return ((draws < truth).sum(1) + 0.5) / (draws.shape[1] + 1)

    def coverage(self) -> list[Coverage]:
        """Coverage and tests of every quantity."""
        return [_coverage(name, self.ranks(name)) for name in self.truths]

    @property
    def faults(self) -> list[str]:
        """What is wrong, one clause each; empty if nothing was found."""
        found = self.coverage()
        limit = FALSE_ALARM / (2 * len(found))
        clauses = []
        for one in found:
            if one.p_location < limit:
                clauses.append(f"{one.quantity}: shifted")
            if one.p_width < limit:
                is_narrow = one.within_90 < 0.9
                clauses.append(
                    f"{one.quantity}: too {'narrow' if is_narrow else 'wide'}"
                )
        return clauses

    def to_dict(self) -> dict[str, Any]:
        """Plain record for JSON."""
        return {
            "studies": len(self.diverging),
            "studies_with_divergences": int((self.diverging > 0).sum()),
            "faults": self.faults,
            "coverage": [one.__dict__ for one in self.coverage()],
        }


def calibrate(
    spec: ModelSpec,
    *,
    n_studies: int = 200,
    seed: int = 0,
    truth: ModelSpec | None = None,
    design: Design | None = None,
    settings: SamplerSettings = SETTINGS,
    batch: int = 8,
    report: Callable[[int, int], None] | None = None,
) -> Calibration:
    """Fit a model to studies simulated from known truths.

    Truths are drawn from the prior, so that intervals of a right posterior hold them
    exactly as often as they say, on average over studies.

    Args:
      spec: model to fit; a law with ratios and without transfer.
      n_studies: simulated studies.
      seed: seed of the first study; the others count up.
      truth: model to simulate from; `spec` if not given. Where it differs, only
        predictions and optimal ratios are compared.
      design: runs of each study, and the target of the decision.
      settings: NUTS settings.
      batch: studies fitted side by side.
      report: called with (studies done, of how many).

    Returns:
      truths and draws, see `Calibration`.

    Example:
      >>> calibration = calibrate(read_spec("models/default.toml"), n_studies=200)
      >>> calibration.faults
      []
    """
    design = design or Design()
    parts = []
    for start in range(0, n_studies, batch):
        seeds = range(seed + start, seed + start + batch)
        parts.append(_batch(spec, truth or spec, design, seeds, settings))
        if report:
            report(min(start + batch, n_studies), n_studies)
    names = list(parts[0].truths)
    return Calibration(
        {n: np.concatenate([p.truths[n] for p in parts])[:n_studies] for n in names},
        {n: np.concatenate([p.draws[n] for p in parts])[:n_studies] for n in names},
        np.concatenate([p.diverging for p in parts])[:n_studies],
    )


def _batch(
    spec: ModelSpec,
    truth_spec: ModelSpec,
    design: Design,
    seeds: Sequence[int],
    settings: SamplerSettings,
) -> Calibration:
    studies = [_study(truth_spec, design, seed) for seed in seeds]
    with jax.enable_x64(True):
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
    """A simulated study; another one if its losses are not finite numbers above 0.

    Noise of a tenth of a degree of freedom does that. Which study is kept depends on
    its data alone, so that the posterior given these stays right.

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
    """What a decision rests on: losses at the target, and the best ratios there."""
    own = {name: values[name] for name in law.coordinates}
    form = ratio_form(law, own, reference, design.target_N, design.target_D)
    n_families = len(design.families)
    scaled = form.full - form.floor
    return {
        "log loss at the target": np.log(
            form.floor + scaled * n_families**form.exponent
        ),
        "optimal ratios": optimum_per_draw(scaled, form.exponent),
    }


def _coverage(name: str, ranks: np.ndarray) -> Coverage:
    from_middle = np.abs(2 * ranks - 1)
    inside = {level: (from_middle < level).mean(1) for level in (0.5, 0.9)}
    # Values of one study depend on each other: one number a study is tested.
    width = (ranks - 0.5) ** 2 - 1 / 12
    return Coverage(
        quantity=name,
        within_50=float(inside[0.5].mean()),
        within_90=float(inside[0.9].mean()),
        se_90=float(inside[0.9].std(ddof=1) / np.sqrt(len(ranks))),
        p_location=_p_value(ranks.mean(1) - 0.5),
        p_width=_p_value(width.mean(1)),
    )


def _p_value(values: np.ndarray) -> float:
    return float(stats.ttest_1samp(values, 0.0).pvalue)
