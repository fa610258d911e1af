"""Density of whole runs: the effect integrated out, against slow exact answers."""

import jax
import numpy as np
import pytest
from helpers import changed_spec
from scipy import special, stats

from bayeslaw.evaluation.simulation import simulate
from bayeslaw.inference.density import row_moments, run_log_density
from bayeslaw.model.noise import noise_of
from bayeslaw.model.padded_arrays import arrange

N_DRAWS = 7
# Of a log density. Huber's has a kink in its slope, which limits what few nodes can do.
TOLERANCE = 1e-4


def study(likelihood: str, nu: float = 3.0, run_sd: float = 0.02, **noise):
    """Spec, observations and jittered draws around the truth of a small study."""
    spec = changed_spec(noise={"likelihood": likelihood, **noise})
    fixed = {"sigma": 0.01, "run_sd": run_sd, "nu": nu}
    used = {"sigma"} | ({"run_sd"} if spec.noise.run_effect else set())
    used |= {"nu"} if likelihood == "student_t" else set()
    table, truth = simulate(
        changed_spec(),
        families=("germanic", "romance", "slavic"),
        sizes=(1e7, 1e8),
        tokens=(1e9, 4e9),
        n_mixtures=3,
        parameters=fixed,
    )
    with jax.enable_x64(True):
        data, layout = arrange(table, spec)
    rng = np.random.default_rng(0)
    names = (*spec.law_record.coordinates, *used)
    draws = {
        name: np.asarray(truth[name])
        * np.exp(0.01 * rng.normal(size=(N_DRAWS, *np.shape(truth[name]))))
        for name in names
    }
    return spec, data, layout, draws


def quadrature(spec, data, draws, run: int) -> np.ndarray:
    """The same integral on a dense even grid, one draw after the other."""
    mean, scale = row_moments(spec, data, draws)
    rows = np.asarray(data.observed) & (np.asarray(data.run) == run)
    observed = np.asarray(data.log_value)[rows]
    found = []
    for i in range(N_DRAWS):
        run_sd = draws["run_sd"][i]
        effect = np.linspace(-9 * run_sd, 9 * run_sd, 40_001)
        nu = draws["nu"][i] if "nu" in draws else None
        middle = mean[i][rows] + effect[:, None]
        noise = noise_of(spec.noise.likelihood, middle, scale[i][rows], nu)
        joint = noise.logpdf(observed).sum(-1) + stats.norm(0, run_sd).logpdf(effect)
        found.append(special.logsumexp(joint) + np.log(effect[1] - effect[0]))
    return np.array(found)


@pytest.mark.parametrize("likelihood", ["student_t", "huber", "normal"])
def test_the_integral_over_the_run_effect_is_that_of_a_dense_grid(likelihood):
    spec, data, _, draws = study(likelihood)
    found = run_log_density(spec, data, draws)
    for run in (0, 3):
        exact = quadrature(spec, data, draws, run)
        np.testing.assert_allclose(found[:, run], exact, rtol=0, atol=TOLERANCE)


def test_normal_rows_of_a_run_have_their_joint_normal_density():
    spec, data, layout, draws = study("normal")
    found = run_log_density(spec, data, draws)
    mean, scale = row_moments(spec, data, draws)
    for run in range(len(layout.runs)):
        rows = np.asarray(data.observed) & (np.asarray(data.run) == run)
        for i in range(N_DRAWS):
            covariance = np.diag(scale[i][rows] ** 2) + draws["run_sd"][i] ** 2
            joint = stats.multivariate_normal(mean[i][rows], covariance)
            exact = joint.logpdf(np.asarray(data.log_value)[rows])
            np.testing.assert_allclose(found[i, run], exact, atol=TOLERANCE)


def test_outliers_on_both_sides_and_a_wide_prior_do_not_mislead_the_integral():
    spec, data, _, draws = study("student_t", nu=1.5, run_sd=0.3)
    rows = np.argwhere(np.asarray(data.observed) & (np.asarray(data.run) == 0))
    value = np.asarray(data.log_value).copy()
    for position, (group, cell) in enumerate(rows):
        value[group, cell] += 0.06 if position % 2 else -0.06
    with jax.enable_x64(True):
        data = data._replace(log_value=jax.numpy.asarray(value))
    found = run_log_density(spec, data, draws)[:, 0]
    # Modes 30 times as narrow as their distance, under a prior 80 times as wide: the
    # nodes are sparse at the second, the dense grid is right to 1e-11.
    exact = quadrature(spec, data, draws, 0)
    np.testing.assert_allclose(found, exact, rtol=0, atol=0.002)


def test_without_run_effects_the_rows_of_a_run_are_independent():
    spec, data, layout, draws = study("student_t", run_effect=False)
    mean, scale = row_moments(spec, data, draws)
    nu = draws["nu"][:, None, None]
    rows = stats.t(nu, mean, scale).logpdf(np.asarray(data.log_value))
    rows = np.where(np.asarray(data.observed), rows, 0.0).sum(1)
    for run in range(len(layout.runs)):
        exact = rows[:, np.asarray(data.run) == run].sum(-1)
        found = run_log_density(spec, data, draws)[:, run]
        np.testing.assert_allclose(found, exact, atol=TOLERANCE)


def test_rows_that_are_not_observed_say_nothing():
    spec, data, layout, draws = study("student_t")
    with jax.enable_x64(True):
        hidden = data._replace(observed=data.observed & (data.run != 1)[None])
    full, partial = (run_log_density(spec, part, draws) for part in (data, hidden))
    np.testing.assert_allclose(partial[:, 1], 0.0, atol=TOLERANCE)
    others = [0, *range(2, len(layout.runs))]
    np.testing.assert_allclose(partial[:, others], full[:, others])
