"""Constrained solvers against SLSQP on random problems, binding bounds included."""

import numpy as np
import pytest
from scipy.optimize import minimize

from bayeslaw.decisions.solvers import (
    Limits,
    Losses,
    Repetition,
    best_mixture,
    best_per_draw,
    no_limits,
    roomiest,
)
from bayeslaw.laws.extensions.repetition import worth

SIZES = [2, 5, pytest.param(12, marks=pytest.mark.slow)]
KINDS = ["power", "floor", "repetition", "transfer"]


def random_losses(seed, n_draws, n_families, kind="power"):
    rng = np.random.default_rng(seed)
    shape = (n_draws, n_families)
    a = rng.lognormal(0, 0.3, shape) / n_families
    g = rng.lognormal(np.log(0.12), 0.5, shape)
    floor = a * rng.uniform(0.3, 1, n_families) if kind == "floor" else 0 * a
    repetition = transfer = None
    if kind == "repetition":
        epochs = np.broadcast_to(rng.uniform(1, 40, n_families), shape).copy()
        share, beta = rng.uniform(0.1, 0.3, shape), rng.uniform(0.2, 0.4, shape)
        repetition = Repetition(share, beta, rng.uniform(5, 20, shape), epochs)
    if kind == "transfer":
        # One source more than families: text that nobody is scored on.
        transfer = np.exp(rng.normal(np.log(0.05), 1, (*shape, n_families + 1)))
        transfer[:, range(n_families), range(n_families)] = 1
    return Losses(floor, a, g, repetition, transfer)


def random_limits(seed, n_sources, *, n_lines=0):
    """Bounds and linear limits that one mixture keeps, and that are likely to bind."""
    rng = np.random.default_rng(seed)
    kept = rng.dirichlet(np.full(n_sources, 3.0))
    weights = rng.normal(size=(n_lines, n_sources))
    return Limits(
        lower=kept * rng.uniform(0, 0.95, n_sources),
        upper=np.minimum(kept * rng.uniform(1.05, 3, n_sources), 1.0),
        weights=weights,
        most=weights @ kept + rng.uniform(0.001, 0.05, n_lines),
    )


def slsqp(objective, limits, further=None, constraints=()):
    """Least objective of (ratios, further variables) by SLSQP between limits.

    Ratios are moved as logs: with the ratios themselves it often ends nowhere. Where a
    start at equal ratios ends too early, others are tried; the problems are convex.
    """
    rng, n_sources = np.random.default_rng(0), len(limits.lower)
    room, _ = roomiest(limits)
    starts = [room / room.sum(), *rng.dirichlet(np.ones(n_sources), 4)]
    ends = [
        slsqp_from(start, objective, limits, further or (lambda p: []), constraints)
        for start in starts[: 1 if further is None else 5]
    ]
    return min(ends, key=lambda end: end[1])


def slsqp_from(start, objective, limits, further, constraints):
    n_sources = len(limits.lower)
    start_extra = further(start)

    def plain(z):
        return np.concatenate([np.exp(z[:n_sources]), z[n_sources:]])

    rules = [{"type": "eq", "fun": lambda z: np.exp(z[:n_sources]).sum() - 1}]
    for fun in constraints:
        rules.append({"type": "ineq", "fun": lambda z, fun=fun: fun(plain(z))})
    if len(limits.most):
        weights, most = limits.weights, limits.most
        rules.append(
            {"type": "ineq", "fun": lambda z: most - weights @ np.exp(z[:n_sources])}
        )
    lower = np.log(np.maximum(limits.lower, 1e-12))
    bounds = list(zip(lower, np.log(limits.upper), strict=True))
    found = minimize(
        lambda z: objective(plain(z)),
        np.concatenate([np.log(start), start_extra]),
        constraints=rules,
        bounds=bounds + [(None, None)] * len(start_extra),
        method="SLSQP",
        jac="3-point",
        options={"ftol": 1e-13, "maxiter": 2000},
    )
    # 8 is a line search that ends at the precision of differences: at an optimum.
    assert found.status in (0, 8), found.message
    return plain(found.x)[:n_sources], found.fun


def total(losses, p):
    return losses.at(p).sum(-1)


def assert_optimal(ratios, objective, wanted, limits, *, found_by=1e-4):
    """The same mixture, or one as good where the objective is flat; limits kept."""
    mixture, least = wanted
    lower, upper, weights, most = limits
    assert ratios.sum() == pytest.approx(1, abs=1e-12)
    assert np.all(ratios >= lower - 1e-7)
    assert np.all(ratios <= upper + 1e-7)
    assert np.all(weights @ ratios <= most + 1e-7)
    value = objective(ratios)
    assert value <= least * (1 + 1e-8)
    is_same = np.abs(ratios - mixture).max() <= found_by
    assert is_same or value == pytest.approx(least, rel=1e-8)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_families", SIZES)
@pytest.mark.parametrize("n_lines", [0, 2])
def test_each_draws_optimum_agrees_with_slsqp(kind, n_families, n_lines):
    losses = random_losses(n_families, 4, n_families, kind)
    limits = random_limits(n_families + 1, losses.n_sources, n_lines=n_lines)
    found = best_per_draw(losses, limits)
    assert found.is_solved.all()
    for draw in range(4):
        one = losses.take([draw])

        def objective(p, one=one):
            return total(one, p)[0]

        wanted = slsqp(objective, limits)
        assert_optimal(found.ratios[draw], objective, wanted, limits)


def test_bounds_and_lines_of_these_problems_bind():
    """The tests above would prove little if limits were out of the way."""
    n_binding = np.zeros(3, int)
    for n_families in (2, 5, 12):
        losses = random_losses(n_families, 4, n_families)
        limits = random_limits(n_families + 1, n_families, n_lines=2)
        p = best_per_draw(losses, limits).ratios
        n_binding += [
            (p - limits.lower < 1e-6).sum(),
            (limits.upper - p < 1e-6).sum(),
            (limits.most - p @ limits.weights.T < 1e-6).sum(),
        ]
    assert np.all(n_binding >= 4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_families", SIZES)
@pytest.mark.parametrize("n_lines", [0, 2])
def test_the_bayes_action_agrees_with_slsqp(kind, n_families, n_lines):
    losses = random_losses(n_families, 100, n_families, kind)
    limits = random_limits(n_families + 1, losses.n_sources, n_lines=n_lines)
    found = best_mixture(losses, limits)
    assert found.is_solved.all()

    def objective(p):
        return total(losses, p).mean()

    wanted = slsqp(objective, limits)
    assert_optimal(found.ratios[0], objective, wanted, limits)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_families", SIZES)
@pytest.mark.parametrize("is_limited", [False, True])
def test_each_draws_minimax_agrees_with_slsqp(kind, n_families, is_limited):
    losses = random_losses(n_families, 3, n_families, kind)
    limits = no_limits(losses.n_sources)
    if is_limited:
        limits = random_limits(n_families + 1, losses.n_sources, n_lines=1)
    found = best_per_draw(losses, limits, "minimax")
    assert found.is_solved.all()
    for draw in range(3):
        one = losses.take([draw])

        def worst(p, one=one):
            return one.at(p).max()

        def room(z, one=one):
            return z[-1] - one.at(z[:-1])[0]

        wanted = slsqp(lambda z: z[-1], limits, lambda p: [worst(p)], [room])
        assert_optimal(found.ratios[draw], worst, wanted, limits)


@pytest.mark.parametrize("kind", ["power", "floor", "transfer"])
@pytest.mark.parametrize("n_families", SIZES)
@pytest.mark.parametrize("is_limited", [False, True])
def test_the_minimax_action_agrees_with_slsqp(kind, n_families, is_limited):
    losses = random_losses(n_families, 6, n_families, kind)
    n_sources = losses.n_sources
    limits = no_limits(n_sources)
    if is_limited:
        limits = random_limits(n_families + 1, n_sources, n_lines=1)
    found = best_mixture(losses, limits, "minimax")
    assert found.is_solved.all()

    def worst(p):
        return losses.at(p).max(-1).mean()

    def room(z):
        return (z[n_sources:, None] - losses.at(z[:n_sources])).ravel()

    wanted = slsqp(
        lambda z: z[n_sources:].mean(),
        limits,
        lambda p: losses.at(p).max(-1),
        [room],
    )
    assert_optimal(found.ratios[0], worst, wanted, limits)


def tail_mean(values, share):
    """Mean of the worst share: the least over thresholds, which are values."""
    over = np.maximum(values - values[:, None], 0).mean(1) / share
    return (values + over).min()


@pytest.mark.parametrize("kind", ["power", "floor", "transfer"])
@pytest.mark.parametrize("n_families", SIZES)
@pytest.mark.parametrize("is_limited", [False, True])
def test_the_cvar_action_agrees_with_slsqp(kind, n_families, is_limited):
    losses, share = random_losses(n_families, 20, n_families, kind), 0.23
    n_sources = losses.n_sources
    limits = no_limits(n_sources)
    if is_limited:
        limits = random_limits(n_families + 1, n_sources, n_lines=1)
    found = best_mixture(losses, limits, "cvar", share)
    assert found.is_solved.all()

    def room(z):
        over = z[n_sources + 1 :]
        above = over - total(losses, z[:n_sources]) + z[n_sources]
        return np.concatenate([over, above])

    def further(p):
        sums = total(losses, p)
        cut = np.quantile(sums, 1 - share)
        return np.append(cut, np.maximum(sums - cut, 0))

    wanted = slsqp(
        lambda z: z[n_sources] + z[n_sources + 1 :].mean() / share,
        limits,
        further,
        [room],
    )
    assert_optimal(
        found.ratios[0], lambda p: tail_mean(total(losses, p), share), wanted, limits
    )


def test_the_tail_of_all_draws_is_the_mean():
    losses = random_losses(1, 50, 4)
    everything = best_mixture(losses, no_limits(4), "cvar", 1.0).ratios
    mean = best_mixture(losses, no_limits(4)).ratios
    np.testing.assert_allclose(everything, mean, atol=1e-6)


def test_bounds_that_leave_one_mixture_give_it():
    losses = random_losses(0, 3, 4)
    only = np.array([0.1, 0.2, 0.3, 0.4])
    fixed = Limits(only, only, np.zeros((0, 4)), np.zeros(0))
    equal = fixed._replace(weights=np.eye(1, 4), most=np.array([0.1]))
    for limits in (fixed, equal):
        for risk in ("expected", "minimax", "cvar"):
            one = best_mixture(losses, limits, risk).ratios
            np.testing.assert_allclose(one[0], only, atol=1e-7)
            each = best_per_draw(losses, limits, risk).ratios
            np.testing.assert_allclose(each, np.tile(only, (3, 1)), atol=1e-7)


def test_limits_that_no_mixture_keeps_are_an_error():
    limits = no_limits(3)._replace(weights=np.ones((1, 3)), most=np.array([0.5]))
    assert roomiest(limits)[1] < 0
    with pytest.raises(ValueError, match="no mixture keeps the limits"):
        best_mixture(random_losses(0, 3, 3), limits)


def test_repeated_tokens_have_the_worth_of_the_law_and_right_derivatives():
    losses = random_losses(0, 5, 3, "repetition")
    _, beta, R, epochs = losses.repetition
    p = np.array([0.2, 0.3, 0.5])
    data = losses.repetition.share * np.asarray(worth(p * epochs, R)) ** -beta
    wanted = losses.a * (1 - losses.repetition.share + data) * p**-losses.g
    np.testing.assert_allclose(losses.at(p), wanted, rtol=1e-6)
    x, step = np.log(p), 1e-5
    _, slope, bend = losses.moving(x)
    up, down = losses.moving(x + step), losses.moving(x - step)
    np.testing.assert_allclose(slope, (up[0] - down[0]) / (2 * step), rtol=1e-6)
    np.testing.assert_allclose(bend, (up[1] - down[1]) / (2 * step), rtol=1e-5)


def test_text_beyond_its_use_is_not_repeated():
    """Where repetition makes a loss rise, no more is taken than helps."""
    shape = (2, 2)
    repetition = Repetition(
        share=np.full(shape, 0.9),
        beta=np.full(shape, 0.5),
        R=np.full(shape, 2.0),
        epochs=np.broadcast_to([5.0, 0.5], shape).copy(),
    )
    losses = Losses(np.zeros(shape), np.ones(shape), np.full(shape, 0.02), repetition)
    found = best_per_draw(losses, no_limits(2))
    assert found.is_solved.all()
    wanted = slsqp(lambda p: total(losses, p)[0], no_limits(2))
    np.testing.assert_allclose(found.ratios[0], wanted[0], atol=1e-4)
    # One draw has no text that is fresh at any share: some must be wasted.
    repetition.epochs[1] = 500.0
    found = best_per_draw(losses, no_limits(2))
    assert found.is_solved.tolist() == [True, False]
    np.testing.assert_allclose(found.ratios.sum(-1), 1)


def test_a_source_of_no_use_gets_nothing():
    losses = random_losses(3, 10, 3, "transfer")
    losses.transfer[:, :, 3] = 1e-6
    found = best_per_draw(losses, no_limits(4))
    assert found.is_solved.all()
    assert found.ratios[:, 3].max() < 1e-8
