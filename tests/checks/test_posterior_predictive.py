"""Rows far off the others of their family are named."""

import numpy as np
from helpers import small_posterior, small_study

from bayeslaw.checks.posterior_predictive import predictive_checks
from bayeslaw.inference import Fitted


def outlying(posterior):
    (found,) = (
        c for c in predictive_checks(Fitted.of(posterior)) if c.name == "outlying rows"
    )
    return found


def moved(rows: list[int], factor: float):
    """The small posterior with some observed values multiplied."""
    posterior = small_posterior().copy(deep=True)
    value = posterior["observed_data"].dataset["value"].values.copy()
    value[rows] *= factor
    dataset = posterior["observed_data"].dataset
    posterior["observed_data"] = dataset.assign(value=("observation", value))
    return posterior


def test_rows_of_a_right_model_are_not_outlying():
    found = outlying(small_posterior())
    assert (found.verdict, found.value) == ("ok", "none")


def test_a_row_far_off_is_named_by_its_place_run_family_and_inputs():
    posterior = moved([7], 1.2)
    found = outlying(posterior)
    row = posterior["constant_data"].dataset.isel(observation=7)
    assert found.verdict == "warn"
    name = f"run {row['run'].item()} {row['family'].item()} N "
    assert found.value.startswith(f"row {small_study()[0].lines[7]}, {name}")
    # A posterior of an earlier version has no row numbers.
    without = posterior["constant_data"].dataset.drop_vars("line")
    posterior["constant_data"] = without
    assert outlying(posterior).value.startswith(name)


def test_the_farthest_rows_are_named_first_and_many_are_counted():
    value = outlying(moved(list(range(0, 180, 18)), 1.3)).value
    assert value.count("run ") == 8
    assert value.endswith("; and 2 more")
    distances = [int(part.split("(")[1].split()[0]) for part in value.split("; ")[:8]]
    assert distances == sorted(distances, reverse=True)


def test_noise_so_heavy_tailed_that_it_explains_the_row_does_not_hide_it():
    posterior = moved([7], 1.2)
    draws = posterior["posterior"].dataset
    heavy = draws.assign(nu=(draws["nu"].dims, np.full(draws["nu"].shape, 1.0)))
    posterior["posterior"] = heavy
    assert outlying(posterior).verdict == "warn"
