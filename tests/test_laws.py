"""Every law of LAWS, against the same properties."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bayeslaw.laws import LAWS
from bayeslaw.laws.family_loss import family_loss, log_weights

REFERENCE = {"N": 1e8, "D": 3e9, "p": 0.2}
PAPER = {"E": 1.5, "A": 400.0, "B": 600.0, "alpha": 0.34, "beta": 0.28, "gamma": 0.1}


@pytest.fixture(autouse=True)
def _double_precision():
    with jax.enable_x64(True):
        yield


@pytest.fixture(params=LAWS.values(), ids=LAWS.keys())
def law(request):
    return request.param


def some_coordinates(law, rng, shape=(7, 1)):
    return {
        name: rng.normal(c.prior.loc, c.prior.total_scale, shape)
        for name, c in law.coordinates.items()
    }


def some_inputs(law, rng, n=11):
    """Inputs within two decades of the reference, ratios within their domain."""
    inputs = {
        name: REFERENCE[name] * 10 ** rng.uniform(-2, 2, (1, n)) for name in law.inputs
    }
    inputs["p"] = rng.uniform(0.01, 1.0, (1, n))
    return inputs


def centred(inputs):
    return {name: np.log(value / REFERENCE[name]) for name, value in inputs.items()}


def test_coordinates_and_the_papers_parameters_give_the_same_outcome(law):
    rng = np.random.default_rng(0)
    coordinates, inputs = some_coordinates(law, rng), some_inputs(law, rng)
    natural = law.to_natural(coordinates, REFERENCE)
    assert set(natural) == set(law.parameters)
    direct = law.function(*(inputs[name] for name in law.inputs), **natural)
    in_coordinates = law.log_mean(**centred(inputs), **coordinates)
    np.testing.assert_allclose(np.exp(in_coordinates), direct, rtol=1e-11)


def test_outcome_moves_with_each_input_as_declared(law):
    rng = np.random.default_rng(1)
    coordinates, inputs = some_coordinates(law, rng), some_inputs(law, rng)
    base = law.log_mean(**centred(inputs), **coordinates)
    for name, is_rising in law.increasing.items():
        more = dict(inputs, **{name: inputs[name] * 1.1})
        change = np.asarray(law.log_mean(**centred(more), **coordinates) - base)
        assert np.all(change > 0 if is_rising else change < 0), name


def test_gradients_agree_with_finite_differences(law):
    rng = np.random.default_rng(2)
    coordinates = {
        n: jnp.asarray(v[0, 0]) for n, v in some_coordinates(law, rng).items()
    }
    x = {
        name: jnp.asarray(v[0, 0]) for name, v in centred(some_inputs(law, rng)).items()
    }

    def outcome(values):
        return law.log_mean(**x, **values)

    gradient = jax.grad(outcome)(coordinates)
    for name in coordinates:
        step = 1e-6
        up = dict(coordinates, **{name: coordinates[name] + step})
        down = dict(coordinates, **{name: coordinates[name] - step})
        numeric = (outcome(up) - outcome(down)) / (2 * step)
        np.testing.assert_allclose(gradient[name], numeric, rtol=1e-6, atol=1e-9)


def test_outcome_stays_finite_ten_decades_from_the_reference(law):
    rng = np.random.default_rng(3)
    coordinates = some_coordinates(law, rng)
    for distance in (-23.0, 23.0):
        x = dict.fromkeys(law.inputs, np.full((1, 1), distance)) | {
            "p": np.zeros((1, 1))
        }
        value, gradient = jax.value_and_grad(
            lambda c, x=x: law.log_mean(**x, **c).sum()
        )(coordinates)
        assert np.isfinite(value)
        assert all(np.isfinite(part).all() for part in gradient.values())


def test_compiled_and_plain_agree(law):
    rng = np.random.default_rng(4)
    coordinates, x = some_coordinates(law, rng), centred(some_inputs(law, rng))
    plain = law.log_mean(**x, **coordinates)
    np.testing.assert_allclose(jax.jit(law.log_mean)(**x, **coordinates), plain)


def test_the_law_separates_in_its_ratio_exponent(law):
    if law.ratio_exponent is None:
        pytest.skip("law is not separable in the ratios")
    rng = np.random.default_rng(5)
    natural = law.to_natural(some_coordinates(law, rng), REFERENCE)
    inputs = some_inputs(law, rng)
    whole = dict(inputs, p=np.ones_like(inputs["p"]))
    ratio = law.function(*inputs.values(), **natural) / law.function(
        *whole.values(), **natural
    )
    expected = inputs["p"] ** -np.asarray(natural[law.ratio_exponent])
    np.testing.assert_allclose(ratio, expected, rtol=1e-11)


def test_family_loss_tends_to_its_irreducible_part():
    assert family_loss(1e300, 1e300, 1.0, **PAPER) == pytest.approx(PAPER["E"])


def test_family_loss_at_hand_computed_point():
    # (2 + 8/16^.5 + 27/27^(1/3)) * .25^-.5 = (2 + 2 + 9) * 2
    value = family_loss(
        16.0, 27.0, 0.25, E=2.0, A=8.0, B=27.0, alpha=0.5, beta=1 / 3, gamma=0.5
    )
    assert value == pytest.approx(26.0)


def test_weights_are_the_shares_of_the_loss_at_the_reference():
    weights = np.exp(log_weights(jnp.asarray(-0.3), jnp.asarray(0.7)))
    assert weights.sum() == pytest.approx(1.0)
    assert np.log(weights[1] / weights[0]) == pytest.approx(-0.3)
    assert np.log(weights[2] / weights[0]) == pytest.approx(0.7)
