"""Uniform, proportional, temperature and UniMax mixtures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bayeslaw.decisions.usual_mixtures import (
    MAX_EPOCHS,
    named_mixtures,
    temperature,
    unimax,
)

SIZES = arrays(
    np.float64, st.integers(1, 12), elements=st.floats(1e3, 1e13, allow_nan=False)
)
BUDGETS = st.floats(1e3, 1e15)
CAPS = st.floats(0.5, 20)


def algorithm_1(sizes: list[float], budget: float, max_epochs: float) -> list[float]:
    """The pseudo-code of Chung et al. 2023, line by line."""
    # Languages in the order of their character counts, smallest first.
    languages = sorted(range(len(sizes)), key=lambda language: sizes[language])
    remaining_budget = budget
    allocated = {}
    for i, language in enumerate(languages):
        remaining_languages = len(languages) - i
        uniform = remaining_budget / remaining_languages
        if uniform > sizes[language] * max_epochs:
            allocated[language] = sizes[language] * max_epochs
        else:
            allocated[language] = uniform
        remaining_budget = remaining_budget - allocated[language]
    total = sum(allocated.values())
    return [allocated[language] / total for language in range(len(sizes))]


@given(SIZES, BUDGETS, CAPS)
def test_unimax_is_the_algorithm_of_the_paper(sizes, budget, max_epochs):
    wanted = algorithm_1(sizes.tolist(), budget, max_epochs)
    np.testing.assert_allclose(unimax(sizes, budget, max_epochs), wanted, rtol=1e-9)


def test_unimax_gives_the_published_numbers_of_another_implementation():
    """The example of the package unimax-sampling, five languages in characters."""
    sizes = np.array(
        [179955884499, 184595788282, 42541080893, 10027573389, 549707867], float
    )
    wanted = [0.2769211666, 0.2769211666, 0.2769211666, 0.160441174224, 0.008795325872]
    np.testing.assert_allclose(unimax(sizes, 250e9, 4.0), wanted, rtol=1e-9)


@given(SIZES, BUDGETS, CAPS)
def test_unimax_is_as_uniform_as_the_cap_allows(sizes, budget, max_epochs):
    """Whoever is below the largest share is at the cap, and nobody beyond it."""
    ratios = unimax(sizes, budget, max_epochs)
    assert ratios.sum() == pytest.approx(1)
    assert (ratios > 0).all()
    epochs = ratios * budget / sizes
    if budget > max_epochs * sizes.sum():
        np.testing.assert_allclose(ratios, sizes / sizes.sum())
    else:
        assert (epochs <= max_epochs * (1 + 1e-9)).all()
        capped = ratios < ratios.max() * (1 - 1e-9)
        np.testing.assert_allclose(epochs[capped], max_epochs, rtol=1e-6)


@given(SIZES, BUDGETS, st.randoms())
def test_unimax_does_not_depend_on_the_order_of_the_families(sizes, budget, random):
    order = list(range(len(sizes)))
    random.shuffle(order)
    np.testing.assert_allclose(
        unimax(sizes[order], budget), unimax(sizes, budget)[order], rtol=1e-9
    )


@given(SIZES, BUDGETS, st.floats(1e-6, 1e6))
def test_unimax_does_not_depend_on_the_unit_of_tokens(sizes, budget, unit):
    np.testing.assert_allclose(
        unimax(sizes * unit, budget * unit), unimax(sizes, budget), rtol=1e-6
    )


def test_a_budget_within_the_smallest_family_is_divided_uniformly():
    ratios = unimax(np.array([10.0, 1e3, 1e6]), budget=30 * MAX_EPOCHS)
    np.testing.assert_allclose(ratios, 1 / 3)


@given(SIZES)
def test_temperatures_lie_between_uniform_and_proportional(sizes):
    np.testing.assert_allclose(temperature(sizes, 0.0), 1 / len(sizes))
    np.testing.assert_allclose(temperature(sizes, 1.0), sizes / sizes.sum())
    even = temperature(sizes, 0.3)
    assert even.sum() == pytest.approx(1)
    assert even.min() >= (sizes / sizes.sum()).min() * (1 - 1e-9)
    assert even.max() <= (sizes / sizes.sum()).max() * (1 + 1e-9)


def test_mixtures_that_need_sizes_are_left_out_where_one_is_not_known():
    families = ("a", "b")
    assert list(named_mixtures(families, {"a": 1e6}, 1e6)) == ["uniform"]
    mixtures = named_mixtures(families, {"b": 3e6, "a": 1e6, "c": 5.0}, 1e9)
    assert list(mixtures) == [
        "uniform",
        "proportional",
        "temperature 0.3",
        "UniMax, 4 epochs",
    ]
    np.testing.assert_allclose(mixtures["proportional"], [0.25, 0.75])
