"""The search for a mode: right where it can be, and never long where it cannot."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from density import compiled
from helpers import small_study
from synthetic_posterior import plain_noise

from bayeslaw.inference import preconditioner
from bayeslaw.inference.laplace import (
    GAIN,
    MIN_CURVATURE,
    POINTS_AT_ONCE,
    Laplace,
    laplace,
)
from bayeslaw.model.hierarchy import initial_centring
from bayeslaw.model.padded_arrays import arrange, select_rows
from bayeslaw.model.spec import read_spec


def search(energy, start) -> Laplace:
    with jax.enable_x64(True):
        found = jax.jit(partial(laplace, energy))(jnp.asarray(start, float))
        return jax.device_get(found)


def quadratic(hessian, mode):
    hessian, mode = np.asarray(hessian), np.asarray(mode)
    return lambda x: (x - mode) @ hessian @ (x - mode) / 2 + 3.0


def rotated(eigenvalues, seed=0):
    """A matrix with these eigenvalues along random directions."""
    rng = np.random.default_rng(seed)
    vectors, _ = np.linalg.qr(rng.normal(size=2 * (len(eigenvalues),)))
    return vectors * eigenvalues @ vectors.T


def assert_finds(hessian, mode, start):
    """The mode to a hundredth of a nat, the covariance to the digits of differences."""
    found = search(quadratic(hessian, mode), start)
    missed = found.mode - mode
    assert missed @ hessian @ missed / 2 < GAIN
    np.testing.assert_allclose(found.energy, 3.0 + missed @ hessian @ missed / 2)
    # root @ root.T is the inverse of the Hessian, whatever its scale.
    whitened = found.root.T @ hessian @ found.root
    np.testing.assert_allclose(whitened, np.eye(len(mode)), atol=1e-4)


# 2 d + 1 gradients are found in blocks of 64: these fill them in part, up to the last
# place, and by one too many.
@pytest.mark.parametrize("d", [1, 31, 32, 63, 64])
def test_a_normal_density_has_its_own_mode_and_covariance(d):
    rng = np.random.default_rng(d)
    hessian = rotated(np.exp(rng.uniform(-1, 3, d)), seed=d)
    assert_finds(hessian, rng.normal(size=d), 5 * rng.normal(size=d))


def test_a_correlated_and_badly_scaled_normal_density_is_found():
    """Condition 1e6, the flattest direction ten times as curved as is believed."""
    eigenvalues = 10 * MIN_CURVATURE * np.geomspace(1, 1e6, 6)
    assert_finds(rotated(eigenvalues), np.arange(6.0), np.full(6, -3.0))


def test_a_flat_direction_gets_the_widest_spread_believed():
    found = search(quadratic(np.diag([4.0, 0.0]), np.zeros(2)), [1.0, 1.0])
    spread = np.sqrt((found.root**2).sum(1))
    np.testing.assert_allclose(spread, [0.5, MIN_CURVATURE**-0.5], rtol=1e-4)


def spread_ratios(hessian, found):
    """Variances the approximation gives, over the true ones, along its own axes."""
    return np.linalg.eigvalsh(found.root.T @ hessian @ found.root)


@pytest.mark.parametrize("start", [(0.0, 0.0), (1e-3, 0.0), (-1e-3, 2.0)])
def test_a_search_leaves_the_saddle_between_two_modes(start):
    """Modes (-1, 0) and (1, 0), where the second derivatives are 16 and 1."""
    found = search(lambda x: 2 * (x[0] ** 2 - 1) ** 2 + x[1] ** 2 / 2, start)
    if start[0]:
        assert found.mode[0] * start[0] > 0
    assert 0 <= found.energy < GAIN
    ratios = spread_ratios(np.diag([16.0, 1.0]), found)
    assert 0.5 < ratios.min() <= ratios.max() < 2


def test_a_search_follows_a_bent_valley_to_its_end():
    """Rosenbrock's valley; at the mode (1, 1) the Hessian is (802, -400; -400, 200)."""
    found = search(
        lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2, [-1.2, 1.0]
    )
    assert 0 <= found.energy < GAIN
    assert 0.8 < found.mode[0] < 1.2
    # Of the point before the last: the axes turn on the way.
    covariance = np.linalg.inv([[802.0, -400.0], [-400.0, 200.0]])
    np.testing.assert_allclose(found.root @ found.root.T, covariance, rtol=0.5)


def always(value):
    return lambda x: value + 0 * x.sum()


@pytest.mark.parametrize(
    "energy",
    [always(jnp.nan), always(jnp.inf), always(2.0), lambda x: jnp.sqrt(-1 - x @ x)],
    ids=["nan", "inf", "flat", "root"],
)
def test_a_search_that_leads_nowhere_ends_at_once_where_it_began(energy):
    calls = []

    def counted(x):
        jax.debug.callback(lambda: calls.append(1))
        return energy(x)

    found = search(counted, [0.5, -0.5])
    jax.effects_barrier()
    # One step of 64 gradients, and the dampings tried.
    assert len(calls) < 2 * POINTS_AT_ONCE
    np.testing.assert_array_equal(found.mode, [0.5, -0.5])
    np.testing.assert_array_equal(found.energy, energy(jnp.array([0.5, -0.5])))


def test_a_search_stops_in_front_of_what_is_no_number():
    """Down to the edge of a domain: every point reached has a finite energy."""

    def energy(x):
        return jnp.where(x[0] > 1, (x[0] - 1) ** 2 / 2 + x[1] ** 2, jnp.nan)

    found = search(energy, [3.0, 1.0])
    assert found.mode[0] > 1
    assert 0 <= found.energy < 0.1


def test_a_chain_without_a_number_is_not_the_frame(monkeypatch):
    """The energy is not a number where the first of three chains starts."""
    monkeypatch.setattr(
        preconditioner,
        "next_preconditioner",
        lambda spec, xs, data, frame: (frame, xs.mean(1)),
    )
    spec = plain_noise(read_spec("models/he2024_common_gamma.toml"))
    with jax.enable_x64(True):
        data, _ = arrange(select_rows(small_study()[0], spec), spec)
        key, declared = jax.random.key(0), initial_centring(spec, data)
        starts = partial(preconditioner.starting_points, spec, data, declared)
        lost, mode, _ = begin = compiled(lambda key: starts(key, 3))(
            jax.random.split(key)[0]
        )

        def energy(x, data, frame):
            position = frame.position(x)
            is_lost = jnp.abs(position - lost).max() < 0.01
            return jnp.where(is_lost, jnp.nan, ((position - mode) ** 2).sum() / 2)

        frame, points = compiled(
            lambda key: preconditioner.first_preconditioner(spec, energy, 3, key, data)
        )(key)
        begin, frame, points = jax.device_get((begin, frame, points))
    assert np.abs(begin[0] - begin[1]).max() > 0.01
    np.testing.assert_allclose(frame.centre, begin[1], atol=0.2)
    np.testing.assert_allclose(
        frame.matrix @ frame.matrix.T, np.eye(len(mode)), atol=1e-4
    )
    # The lost chain begins at the mode as the others do.
    np.testing.assert_allclose(points, np.zeros(begin.shape), atol=0.3)
