"""Shapes, their evidence against numerical integration, and draws of curves."""

import numpy as np
import pytest
from scipy import integrate, stats

from bayeslaw.downstream.break_posterior import BreakPrior, break_posterior
from bayeslaw.downstream.curve_shapes import DECLINES, KINDS, RISES, all_shapes
from bayeslaw.downstream.evidence import (
    LEVEL_SD,
    SCALE_SD,
    Points,
    evidence,
    noise_nodes,
)
from bayeslaw.downstream.score_scale import Scale
from bayeslaw.errors import InputError
from benchmarks.breaks.curve_truths import broken, monotone, observe

SHAPES = all_shapes()


def points(seed, n=6):
    truth = broken(np.random.default_rng(seed))
    D, value, se = observe(truth, n, np.random.default_rng(seed))
    t = np.log(D / D[0]) / np.log(D[-1] / D[0])
    return Points(t, value, se, float(value.mean()))


def test_a_shape_rises_from_zero_and_falls_only_if_it_declines():
    t = np.linspace(0, 1.5, 40)
    rise, fall = SHAPES.rise(t), SHAPES.fall(t)
    np.testing.assert_allclose(rise[:, 0], 0, atol=1e-12)
    np.testing.assert_allclose(fall[:, 0], 0, atol=1e-12)
    assert (np.diff(rise) > -1e-12).all()
    assert (np.diff(fall) > -1e-12).all()
    declines = SHAPES.kind == DECLINES
    assert (fall[~declines] == 0).all()
    assert (fall[declines, -1] > 0).all()


def test_shapes_without_a_bend_are_the_laws():
    t = np.linspace(0, 1, 20)
    by_q = dict(
        zip(SHAPES.curvature, SHAPES.rise(t)[SHAPES.kind == RISES], strict=False)
    )
    np.testing.assert_allclose(by_q[0.0], t)
    # c - a D^-alpha over three decades, with alpha times the span 4.
    D = 1000**t
    law = 1 - D ** (-4 / np.log(1000))
    np.testing.assert_allclose(by_q[-4.0], law / law[-1])


def test_priors_sum_to_one():
    for kind in range(len(KINDS)):
        log_prior = SHAPES.log_prior[SHAPES.kind == kind]
        assert np.exp(log_prior).sum() == pytest.approx(1)
    assert np.exp(noise_nodes(points(0))[1]).sum() == pytest.approx(1)
    for span in (1.0, 7.0):
        assert BreakPrior().of_kinds(span).sum() == pytest.approx(1)


@pytest.mark.parametrize("seed", range(2))
def test_the_evidence_is_the_integral_over_level_and_scale(seed):
    given = points(seed)
    found, (variance, log_prior) = evidence(given, SHAPES), noise_nodes(given)
    rng, L = np.random.default_rng(seed), given.L
    for shape, noise in rng.integers((0, 0), found.log_z.shape, (3, 2)):
        rise, fall = SHAPES.rise(given.t)[shape], SHAPES.fall(given.t)[shape]
        level, scale = (part[shape, noise] for part in found.mean)
        v11, v12, v22 = (part[shape, noise] for part in found.covariance)
        # Where the scale, held above 0, leaves the level.
        centre = level + v12 / v22 * (max(scale, 0) - scale)
        peak = found.log_z[shape, noise]

        def density(
            scale,
            level,
            rise=rise,
            fall=fall,
            sd=variance[noise] ** 0.5,
            log_scale=log_prior[noise] - peak,
        ):
            expected = level + scale * rise - L * fall
            log_density = (
                stats.norm.logpdf(given.y, expected, sd).sum()
                + stats.norm.logpdf(level, given.y.mean(), LEVEL_SD * L)
                + stats.halfnorm.logpdf(scale, 0, SCALE_SD * L)
            )
            return np.exp(log_density + log_scale)

        total, _ = integrate.dblquad(
            density,
            centre - 8 * v11**0.5,
            centre + 8 * v11**0.5,
            max(0, scale - 9 * v22**0.5),
            max(scale, 0) + 9 * v22**0.5,
            epsrel=1e-4,
        )
        assert total == pytest.approx(1, rel=1e-3)


def test_draws_have_the_moments_of_their_mixture():
    posterior = break_posterior(
        *observe(
            monotone("log law", np.random.default_rng(3)), 8, np.random.default_rng(3)
        )
    )
    curves = posterior.draw(20_000)
    share = np.mean(curves.shapes.kind == DECLINES)
    p = posterior.p_break
    assert abs(share - p) < 4 * (p * (1 - p) / 20_000) ** 0.5 + 1e-9
    assert (curves.height > 0).all()
    # Within the points a curve is where its data are.
    D = posterior.first * np.exp(posterior.span * posterior.points.t)
    centre, sd = curves.at(D).mean(0), curves.at(D).std(0)
    error = posterior.points.se
    assert (np.abs(centre - posterior.points.y) < 4 * np.hypot(sd, error)).all()
    # Known better than by one score.
    assert sd.mean() < error[0]


def test_beyond_the_last_point_only_the_prior_adds_breaks():
    D, value, se = observe(
        monotone("log law", np.random.default_rng(5)), 12, np.random.default_rng(5)
    )
    posterior = break_posterior(D, value, se / 5, prior=BreakPrior(hazard=0.1))
    curves, p = posterior.draw(20_000), posterior.p_break
    for factor in (2.0, 10.0):
        later = 1 - factor**-0.1
        found = (curves.bend < factor * D[-1]).mean()
        assert found == pytest.approx(p + (1 - p) * later, abs=0.01)


def test_a_loss_breaks_when_it_rises():
    D = 1e9 * 4.0 ** np.arange(6)
    falls, se = np.array([3.0, 2.5, 2.2, 2.0, 1.9, 1.85]), np.full(6, 0.02)
    rises = np.array([3.0, 2.5, 2.2, 2.0, 2.3, 2.7])
    assert (
        break_posterior(D, falls, se, scale=Scale(larger_is_better=False)).p_break < 0.1
    )
    assert (
        break_posterior(D, rises, se, scale=Scale(larger_is_better=False)).p_break
        > 0.95
    )


def test_units_make_no_difference():
    D, value, se = observe(
        broken(np.random.default_rng(2)), 6, np.random.default_rng(2)
    )
    one = break_posterior(D, value, se)
    other = break_posterior(7 * D, value / 100, se / 100)
    assert other.p_break == pytest.approx(one.p_break, rel=1e-9)


def test_without_standard_errors_the_noise_is_learnt():
    D = 1e9 * 2.0 ** np.arange(8)
    value = np.array([20, 21.1, 21.9, 23.1, 23.9, 25.1, 22.0, 19.1])
    assert break_posterior(D, value).p_break > 0.8


def test_two_checkpoints_tell_no_shape():
    with pytest.raises(InputError, match="at least 3"):
        break_posterior(np.array([1e9, 2e9, 2e9]), np.array([1.0, 2.0, 2.1]))
