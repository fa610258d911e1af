"""What priors expect of a table: checks, and the figure of them."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import assert_five_parts, small_posterior, small_spec, small_study

from bayeslaw.checks.prior_predictions import (
    prior_check,
    prior_checks,
    prior_predictive,
    prior_predictive_of,
)
from bayeslaw.data.losses import write_runs
from bayeslaw.model.spec import parse_spec
from bayeslaw.plots import prior_predictive_bands


@pytest.fixture(scope="module")
def predictive():
    return prior_predictive(small_study()[0], small_spec())


def with_priors(**priors):
    content = small_spec().model_dump() | {"priors": priors}
    return parse_spec(content, "here")


def verdicts(checks):
    return {check.name: check.verdict for check in checks.checks}


def test_every_draw_gives_every_row_a_loss(predictive):
    assert predictive.values.shape == (2000, len(small_study()[0]))
    # A Student-t prior with few degrees of freedom under- and overflows.
    inside = (predictive.values > 0) & np.isfinite(predictive.values)
    assert inside.mean() > 0.999


def test_the_draws_do_not_look_at_the_losses(predictive):
    table = small_study()[0]
    columns = table.columns | {"value": 3 * table.columns["value"]}
    other = prior_predictive(
        type(table)(**{**vars(table), "columns": columns}), small_spec()
    )
    # The rows' se is known relative to their loss, and follows it.
    levels = np.linspace(0.05, 0.95, 7)
    np.testing.assert_allclose(
        np.quantile(other.values, levels), np.quantile(predictive.values, levels), 0.01
    )


def test_the_middle_of_a_row_is_the_prior_of_level_near_the_reference(predictive):
    # 2000 draws of a level with sd .85 or so: its median is known to .024.
    assert np.log(np.median(predictive.values)) == pytest.approx(np.log(2.0), abs=0.1)


def test_a_posterior_knows_what_its_priors_expected(predictive):
    found = prior_predictive_of(small_posterior())
    assert found.values.shape == (1000, len(small_study()[0]))
    np.testing.assert_allclose(found.observed, predictive.observed)
    assert (found.families, found.origins) == (predictive.families, ("simulated",))
    for name, column in predictive.rows.items():
        np.testing.assert_array_equal(found.rows[name], column)
    # Other draws of the same: a row's log loss has an sd of .9, over 1000 draws.
    levels = [0.1, 0.5, 0.9]
    np.testing.assert_allclose(
        np.log(np.quantile(found.values, levels, axis=0)),
        np.log(np.quantile(predictive.values, levels, axis=0)),
        atol=0.3,
    )


def test_default_priors_pass_their_checks(predictive):
    checks = prior_checks(predictive)
    assert checks.is_passed
    assert set(verdicts(checks).values()) == {"ok"}


def test_a_prior_far_from_the_losses_fails_and_says_on_which_side():
    level = {"loc": -3.0, "scale": 0.1, "spread": 0.1}
    checks = prior_check(small_study()[0], with_priors(level=level))
    coverage = checks.checks[0]
    assert coverage.verdict == "fail"
    assert "100% of the rows lie above" in coverage.value
    assert "unit" in coverage.advice


def test_a_prior_that_says_nothing_is_warned_about():
    level = {"loc": 0.7, "scale": 5.0, "spread": 0.4}
    found = verdicts(prior_check(small_study()[0], with_priors(level=level)))
    assert found["prior predictive width"] == "warn"
    assert found["prior predictive ceiling"] == "warn"


def test_the_figure_has_a_panel_a_family_and_three_bands(predictive):
    figure = prior_predictive_bands(predictive, against="D")
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["germanic", "romance", "slavic"]
    assert len(figure.axes[0].collections) == 3 * 2  # two token counts
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[-1] == "observed (simulated)"
    assert "prior predictive, 99%" in labels


def test_many_sizes_are_put_into_bins(predictive):
    sizes = np.geomspace(1e6, 1e9, len(predictive.observed))
    spread_out = replace(predictive, rows=predictive.rows | {"N": sizes})
    figure = prior_predictive_bands(spread_out)
    assert len(figure.axes[0].collections) <= 3 * 12


def test_the_verb_prints_priors_and_checks_and_writes_the_figure(
    tmp_path, bayeslaw_command
):
    table = tmp_path / "observations.csv"
    write_runs(small_study()[0], table)
    model = tmp_path / "mine.toml"
    model.write_text(
        'name = "mine"\nlaw = "family_loss"\n[extensions]\ndrift = false\n'
        "[priors.gamma]\nq05 = 0.05\nq95 = 0.2\n"
    )
    words = ("priors", table, "--model", model)
    status, out, err = bayeslaw_command(*words, "-o", tmp_path / "figure.png")
    assert (status, err) == (0, "")
    gamma = next(line for line in out.splitlines() if line.startswith("gamma"))
    assert gamma.split()[1:4] == ["0.05", "0.1", "0.2"]
    assert "the model file" in gamma
    assert "prior predictive coverage" in out
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
    status, out, err = bayeslaw_command(*words, "-o", tmp_path / "figure.doc")
    assert (status, out) == (1, "")
    assert_five_parts(err)
