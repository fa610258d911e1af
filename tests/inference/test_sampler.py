"""The sampler: data sets side by side, programs of many fits in one process."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import small_posterior, small_spec, small_study

from bayeslaw.inference import sampler
from bayeslaw.inference.sampler import SamplerSettings, sample
from bayeslaw.model.padded_arrays import arrange

SHIFT = 0.05
SHORT = SamplerSettings(chains=2, warmup=200, draws=100)


@pytest.mark.slow
def test_data_sets_side_by_side_give_the_draws_of_single_fits():
    """The small study, and the same with every log loss a little higher."""
    spec, (table, _) = small_spec(), small_study()
    with jax.enable_x64(True):
        data, _ = arrange(table, spec)
        higher = data._replace(log_value=data.log_value + SHIFT)
        both = jax.tree.map(lambda *arrays: jnp.stack(arrays), data, higher)
        keys = jax.random.split(jax.random.key(7), 2)
        draws = jax.device_get(sample(spec, both, keys, SHORT))
    single = small_posterior()["posterior"].dataset
    shape = (2, SHORT.chains, SHORT.draws)
    assert draws.step_size.shape == shape[:2]
    for values in draws.statistics.values():
        assert values.shape == shape
    assert draws.statistics["diverging"].mean() < 0.01
    assert draws.values["run_effect"].shape == (*shape, data.run_exists.shape[0])
    for name in ("level", "log_gamma", "log_alpha", "sigma", "run_sd", "nu"):
        alone = single[name].values
        assert draws.values[name].shape == (*shape, *alone.shape[2:])
        assert np.all(draws.values[name][0] != draws.values[name][1])
        centre, sd = alone.mean((0, 1)), alone.std((0, 1))
        for i, shift in enumerate((0.0, SHIFT if name == "level" else 0.0)):
            values = draws.values[name][i]
            # The prior moves with a shifted level by a hundredth of its sd. An ESS of
            # 50 of these 200 draws and of 200 of the other fit: 5 sd of a difference in
            # 22 comparisons, P(failure) < 2e-5.
            far = np.abs(values.mean((0, 1)) - centre - shift)
            assert np.all(far < 5 * np.sqrt(1 / 50 + 1 / 200) * sd), (name, i)
            # A variance then has a relative error of .2, and sds are within 5 of them.
            ratio = values.std((0, 1)) / sd
            assert np.all((ratio > 0.5) & (ratio < 2.0)), (name, i)
    level_sd = single["level"].values.std((0, 1))
    assert np.all(level_sd < SHIFT / 4)


@pytest.mark.skipif(
    not Path("/proc/self/maps").exists(), reason="mapped areas are limited on Linux"
)
def test_many_programs_are_dropped_and_compiled_again(monkeypatch):
    """A process ended at its 17th fit of different models: no mapped area was left."""
    double = jax.jit(lambda x: 2 * x)
    assert double(1.0) == 2.0
    sampler._make_room()
    assert double._cache_size() == 1
    monkeypatch.setattr(sampler, "MAX_MAPPED_AREAS", 0)
    sampler._make_room()
    assert double._cache_size() == 0
    assert double(1.0) == 2.0
