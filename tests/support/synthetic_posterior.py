"""Posteriors made without NUTS: draws around the truth of a simulated study."""

from functools import cache
from unittest.mock import patch

import numpy as np
import xarray as xr

from bayeslaw.evaluation.simulation import simulate
from bayeslaw.inference.fitting import fit
from bayeslaw.inference.sampler import Draws, SamplerSettings
from bayeslaw.model.padded_arrays import arrange, select_rows
from bayeslaw.model.spec import ModelSpec, Noise, read_spec

MODELS = "models/he2024_{}.toml"
NOISE = {"sigma": 0.004, "run_sd": 0.001, "nu": 8.0}
SETTINGS = SamplerSettings(chains=4, warmup=50, draws=300)
# Small enough that the spread of predictions stays below the noise of a row.
JITTER = 0.003


def family_names(count: int) -> tuple[str, ...]:
    return tuple(f"family_{i:02d}" for i in range(count))


def plain_noise(spec: ModelSpec) -> ModelSpec:
    """The spec with Normal noise and no run effect."""
    noise = Noise(likelihood="normal", run_effect=False)
    return spec.model_copy(update={"noise": noise})


def synthetic_posterior(
    families: tuple[str, ...], model: str = "partial_pooling", *, is_plain: bool = False
) -> xr.DataTree:
    """A posterior of a simulated study of 3 sizes, 2 token counts and 5 mixtures."""
    return _make(families, model, is_plain)


@cache
def _make(families: tuple[str, ...], model: str, is_plain: bool) -> xr.DataTree:
    spec = read_spec(MODELS.format(model))
    spec = plain_noise(spec) if is_plain else spec
    known = ("sigma",) if is_plain else tuple(NOISE)
    table, truth = simulate(
        spec,
        families=families,
        sizes=(1e7, 5e7, 2.5e8),
        tokens=(1e9, 4e9),
        n_mixtures=5,
        parameters={name: NOISE[name] for name in known},
    )

    # The level of a fit belongs to the fit's own reference ratio.
    reference = arrange(select_rows(table, spec), spec)[1].reference["p"]
    shift = np.log(reference / truth["reference"]["p"])
    truth["level"] -= np.exp(truth["log_gamma"]) * shift

    def draw_near_truth(spec, data, key, settings, report) -> Draws:
        rng = np.random.default_rng(0)
        shape = (settings.chains, settings.draws)
        statistics = {
            "diverging": np.zeros(shape, bool),
            "energy": rng.normal(size=shape),
            "acceptance_rate": np.full(shape, 0.9),
            "n_steps": np.full(shape, 15),
        }
        values = _values(spec, truth, rng, shape)
        if "run_sd" in values:
            n_runs = len(data.run_exists)
            values["run_effect"] = 1e-3 * rng.normal(size=(*shape, n_runs))
        by_chain = np.full(settings.chains, 0.1), np.zeros(settings.chains)
        return Draws(values, statistics, *by_chain)

    with patch("bayeslaw.inference.fitting.sample", draw_near_truth):
        return fit(table, spec, settings=SETTINGS)


def _values(
    spec: ModelSpec,
    truth: dict,
    rng: np.random.Generator,
    shape: tuple[int, int],
) -> dict[str, np.ndarray]:
    values = {}
    for name in spec.law_record.coordinates:
        level = np.asarray(truth[name])
        values[name] = level + JITTER * rng.normal(size=(*shape, *level.shape))
        if spec.pooling_of(name) != "none":
            values[f"{name}_mean"] = level.mean() + 0.1 * rng.normal(size=shape)
        if spec.pooling_of(name) == "partial":
            values[f"{name}_sd"] = 0.2 * np.exp(0.3 * rng.normal(size=shape))
    for name in NOISE:
        if name in truth:
            level = np.asarray(truth[name])
            factor = np.exp(JITTER * rng.normal(size=(*shape, *level.shape)))
            values[name] = level * factor
    return values


def diverging(posterior: xr.DataTree) -> xr.DataTree:
    """The same posterior, every iteration marked as divergent."""
    statistics = posterior["sample_stats"].dataset
    bad = statistics.assign(diverging=xr.ones_like(statistics["diverging"]))
    return posterior.assign(sample_stats=xr.DataTree(bad))
