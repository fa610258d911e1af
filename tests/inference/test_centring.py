"""What the chains move changes, the posterior does not; what they learn is right."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from density import (
    compiled,
    default,
    marked_study,
    potential,
    random_centring,
    random_position,
    values_of,
)
from jax.flatten_util import ravel_pytree
from numpyro.infer.util import unconstrain_fn

from bayeslaw.inference.centring import measured_centring, sites_under
from bayeslaw.inference.preconditioner import (
    Preconditioner,
    next_preconditioner,
    site_shapes,
    values_at,
)
from bayeslaw.model.family_model import program
from bayeslaw.model.hierarchy import initial_centring
from bayeslaw.model.padded_arrays import arrange


@pytest.fixture(autouse=True)
def _double_precision():
    with jax.enable_x64(True):
        yield


SPECS = {
    "partial": default,
    "pairs": lambda: default(extensions={"transfer": True}),
    "none": lambda: default(pooling={"default": "none"}),
    "odds around their mean": lambda: default(pooling={"odds_N": "complete"}),
}


@pytest.mark.parametrize(
    "spec",
    [
        SPECS["partial"],
        SPECS["pairs"],
        pytest.param(SPECS["none"], marks=pytest.mark.slow),
        pytest.param(SPECS["odds around their mean"], marks=pytest.mark.slow),
    ],
    ids=SPECS,
)
def test_the_posterior_is_the_same_whatever_the_centring(spec):
    """Density of a point under one centring = under another, times the Jacobian."""
    spec = spec()
    data, _ = arrange(marked_study(), spec)
    one, other = initial_centring(spec, data), random_centring(spec, data, 2)
    if spec.pooling_of("level") == "partial":
        # Coordinates whose precision is 0 and huge at once.
        other = other._replace(
            precision=other.precision | {"drift": jnp.array([0.0, 1e-3, 1e6])}
        )
    first, unravel = ravel_pytree(random_position(spec, data, one))

    def mapped(vector):
        sites = sites_under(spec, values_of(spec, data, one, unravel(vector)), other)
        wanted = {name: sites[name] for name in unravel(vector)}
        free = unconstrain_fn(program, (spec, data, other), {}, wanted)
        return ravel_pytree(free)[0]

    @compiled
    def everything(vector):
        there = unravel(mapped(vector))
        return (
            jax.jacfwd(mapped)(vector),
            potential(spec, data, one, unravel(vector)),
            potential(spec, data, other, there),
            values_of(spec, data, one, unravel(vector)),
            values_of(spec, data, other, there),
        )

    derivative, here, there, values, again = everything(first)
    _, log_det = np.linalg.slogdet(derivative)
    assert abs(log_det) > 1
    assert float(there - here) == pytest.approx(log_det, rel=1e-9, abs=1e-7)
    names = {name for name in values if not name.endswith("_sampled")}
    assert names > {*spec.law_record.coordinates, "run_effect", "sigma", "nu"}
    for name in names:
        np.testing.assert_allclose(again[name], values[name], rtol=1e-8, atol=1e-10)


def test_measured_centring_is_what_the_data_say_beyond_the_prior():
    """Normal data of known location and precision, posterior draws of the product."""
    spec = default()
    data, _ = arrange(marked_study(), spec)
    rng, count = np.random.default_rng(0), 4000
    prior_mean, prior_sd = 0.5, 0.3
    location, precision = np.array([1.0, 0.2, -0.4]), np.array([400.0, 50.0, 0.0])
    total = precision + prior_sd**-2
    middle = (precision * location + prior_mean * prior_sd**-2) / total
    draws = middle + rng.normal(size=(count, 3)) / np.sqrt(total)
    values = {}
    for name in spec.law_record.coordinates:
        values |= {
            name: jnp.asarray(draws),
            f"{name}_mean": jnp.full(count, prior_mean),
            f"{name}_sd": jnp.full(count, prior_sd),
        }
    declared = initial_centring(spec, data)
    found = measured_centring(spec, values, declared)
    # Relative error of a variance of 4000 draws: .022, of the total precision.
    np.testing.assert_allclose(
        found.precision["level"], precision, atol=0.1 * total.max()
    )
    assert found.precision["level"][2] < 0.1 * total[2]
    np.testing.assert_allclose(found.location["level"][:2], location[:2], atol=0.02)
    # Odds are moved through their slopes, whose prior is about as wide.
    slope = np.asarray(spec.law_record.data_fixed.to_fixed(values)[0])
    beyond = np.maximum(1 / slope.var(0) - prior_sd**-2, 0)
    np.testing.assert_allclose(found.precision["odds_N"], beyond, atol=1e-6)
    near = np.abs(found.location["odds_N"] - slope.mean(0)) < slope.std(0)
    assert near[:2].all()


@pytest.mark.parametrize("name", ["partial", "none"])
def test_the_next_preconditioner_holds_the_same_points(name):
    """Chains go on where they were, in standard units of the stage before."""
    spec = SPECS[name]()
    data, _ = arrange(marked_study(), spec)
    centring = initial_centring(spec, data)
    d = ravel_pytree(random_position(spec, data, centring))[0].size
    n_sites = d - len(data.run_exists)
    frame = Preconditioner(centring, jnp.zeros(n_sites), jnp.eye(n_sites))
    rng = np.random.default_rng(0)
    width = rng.uniform(0.05, 0.2, d)
    xs = jnp.asarray(-0.5 + width * rng.normal(size=(2, 200, d)))

    @compiled
    def learn(xs):
        learnt, starts = next_preconditioner(spec, xs, data, frame)
        last = jax.vmap(lambda x: values_at(spec, data, frame, x))(xs[:, -1])
        moved = jax.vmap(lambda x: values_at(spec, data, learnt, x))(starts)
        return learnt, last, moved

    learnt, last, moved = learn(xs)
    assert set(site_shapes(spec, data)) < set(last)
    for part in (*spec.law_record.coordinates, "sigma", "run_effect", "nu"):
        np.testing.assert_allclose(moved[part], last[part], rtol=1e-7, atol=1e-9)
    assert np.all(np.linalg.eigvalsh(learnt.matrix @ learnt.matrix.T) > 0)
