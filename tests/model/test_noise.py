"""Noise of rows: JAX and scipy agree, and so do the parts of Huber's distribution."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from bayeslaw.model.noise import (
    WIDTH,
    FrozenHuber,
    likelihood_of,
    noise_of,
    noise_of_rows,
)

EDGES = [-WIDTH, WIDTH]


def test_the_density_integrates_to_one_and_to_its_distribution_function():
    noise = FrozenHuber(0.0, 1.0)

    def area(low, high):
        found, _ = integrate.quad(
            lambda x: np.exp(noise.logpdf([x])).item(),
            low,
            high,
            points=EDGES,
            limit=200,
        )
        return found

    assert area(-40, 40) == pytest.approx(1.0, abs=1e-9)
    for x in (-5.0, -WIDTH, -0.7, 0.0, 0.3, WIDTH, 2.0, 8.0):
        assert noise.cdf([x]).item() == pytest.approx(area(-40, x), abs=1e-9)


def test_quantiles_invert_the_distribution_function():
    q = np.array([1e-9, 0.001, 0.05, 0.3, 0.5, 0.7, 0.95, 0.999, 1 - 1e-9])
    noise = FrozenHuber(np.array(0.7), np.array(0.02))
    np.testing.assert_allclose(noise.cdf(noise.ppf(q)), q, rtol=1e-9)
    np.testing.assert_allclose(
        noise.ppf(q) - 0.7, -(noise.ppf(1 - q) - 0.7), rtol=1e-6, atol=1e-12
    )
    assert noise.ppf([0.5]).item() == pytest.approx(0.7)


def test_the_log_density_is_minus_hubers_loss():
    x = np.linspace(-6, 6, 101)
    loss = np.where(np.abs(x) < WIDTH, x**2 / 2, WIDTH * (np.abs(x) - WIDTH / 2))
    noise = FrozenHuber(1.0, 0.5)
    difference = noise.logpdf(1.0 + 0.5 * x) + loss
    np.testing.assert_allclose(difference, difference[0], rtol=1e-12)


@pytest.mark.parametrize("kind", ["student_t", "normal", "huber"])
def test_the_sampler_and_the_predictions_use_one_density(kind):
    x = np.linspace(-4, 6, 50)
    with jax.enable_x64(True):
        traced = likelihood_of(kind, 1.0, 0.3, 2.5).log_prob(jnp.asarray(x))
    frozen = noise_of(kind, 1.0, 0.3, 2.5).logpdf(x)
    np.testing.assert_allclose(np.asarray(traced), frozen, rtol=1e-12)


def test_rows_have_their_own_scale_under_every_draw():
    """Two draws, three rows: (se^2 + (sigma (p / p0)^-power)^2)^0.5."""
    sigma = np.array([[0.1, 0.2, 0.1], [0.3, 0.4, 0.3]])
    ratio, se = np.array([0.1, 1.0, 4.0]), np.array([0.0, 0.1, 0.2])
    draws = {"nu": np.array([3.0, 5.0]), "sigma_ratio_power": np.array([0.5, -0.2])}
    noise = noise_of_rows(
        "student_t",
        draws,
        np.zeros((2, 3)),
        sigma,
        log_se=se,
        log_ratio=np.log(ratio),
    )
    for i in range(2):
        for j in range(3):
            own = sigma[i, j] * ratio[j] ** -draws["sigma_ratio_power"][i]
            wanted = stats.t(draws["nu"][i], 0, np.hypot(se[j], own)).logpdf(0.3)
            assert noise.logpdf(0.3)[i, j] == pytest.approx(wanted)


def test_draws_follow_the_distribution():
    noise = FrozenHuber(np.zeros((4000, 2)), np.array([1.0, 3.0]))
    draws = noise.rvs(random_state=np.random.default_rng(0))
    assert draws.shape == (4000, 2)
    for i, scale in enumerate((1.0, 3.0)):
        one = FrozenHuber(0.0, scale)
        # Fails 1 in 1000 under the right distribution; the seed is fixed.
        assert stats.kstest(draws[:, i], one.cdf).pvalue > 1e-3
