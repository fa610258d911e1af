"""The comparison finds what is there: drift where the truth drifts, else no difference.

One study each, fixed seeds: the tests say that the score has the power to see a strong
drift, not how often it errs.
"""

from functools import cache

import numpy as np
import pytest

from bayeslaw.evaluation.comparison import Comparison, compare
from bayeslaw.evaluation.simulation import simulate
from bayeslaw.inference.fitting import fit
from bayeslaw.inference.sampler import SamplerSettings
from bayeslaw.model.spec import ModelSpec, read_spec

pytestmark = pytest.mark.slow

FAMILIES = ("germanic", "romance", "slavic")
SETTINGS = SamplerSettings(chains=2, warmup=400, draws=300)
# Elasticity of gamma by N: over a factor of ten gamma falls by 37 %.
STRONG_DRIFT = -0.2


def drifting(is_on: bool) -> ModelSpec:
    spec = read_spec("models/default.toml")
    name = "drift" if is_on else "no drift"
    return spec.model_copy(update={"name": name, "extensions": {"drift": is_on}})


@cache
def comparison_at(drift: float) -> Comparison:
    table, _ = simulate(
        drifting(True),
        seed=5,
        families=FAMILIES,
        sizes=(1e7, 5e7, 1e9),
        tokens=(1e9, 1e10),
        n_mixtures=10,
        n_seeds=3,
        parameters={
            "drift": drift,
            "log_gamma": np.log([0.08, 0.11, 0.16]),
            "sigma": 0.005,
            "run_sd": 0.003,
            "nu": 8.0,
        },
    )
    specs = [drifting(True), drifting(False)]
    posteriors = {spec.name: fit(table, spec, settings=SETTINGS) for spec in specs}
    return compare(posteriors, table, settings=SETTINGS)


def scores(drift: float) -> dict[str, object]:
    return {model.name: model for model in comparison_at(drift).models}


def test_where_gamma_drifts_the_model_with_drift_predicts_the_largest_runs():
    found = scores(STRONG_DRIFT)
    for part in ("one_out", "largest"):
        without = getattr(found["no drift"], part)
        assert without.difference < -2 * without.difference_se
    assert (
        found["drift"].accuracy.coverage[0.9] > found["no drift"].accuracy.coverage[0.9]
    )
    assert found["drift"].weight > 0.9


def test_where_gamma_is_constant_the_models_predict_alike():
    found = scores(0.0)
    one_out = [model.one_out for model in found.values()]
    other = min(one_out, key=lambda score: score.difference)
    # Four nats: below it a difference is small whatever its error, Sivula et al.
    # 2020, arXiv 2008.10296.
    assert abs(other.difference) < max(2 * other.difference_se, 4.0)


def test_needless_drift_costs_little_beside_drift_left_out():
    """On the largest runs, twenty times the size of those fitted.

    There the model with drift is less certain, rightly. All held-out runs share the
    error of one extrapolation, so the standard error of their sum is too small to say
    that two models are alike.
    """
    needless = scores(0.0)["drift"].largest
    left_out = scores(STRONG_DRIFT)["no drift"].largest
    assert left_out.difference < 0
    assert needless.difference > left_out.difference / 5
    assert scores(0.0)["drift"].accuracy.coverage[0.9] > 0.8
