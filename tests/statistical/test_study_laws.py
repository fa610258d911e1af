"""Laws on the shipped study: chains converge whatever the law."""

import pytest

from bayeslaw import check, fit, read_runs

pytestmark = pytest.mark.slow
TABLE = "runs/sample-families/observations.csv"


def test_chains_of_a_posterior_with_several_modes_begin_where_they_can_move():
    """Draws around the modes of this law reach where no slope is a number."""
    posterior = fit(read_runs(TABLE), "models/reducible_ratio.toml", seed=0)
    failed = [one.name for one in check(posterior).failures]
    assert not {"R-hat", "bulk ESS", "tail ESS", "divergences"} & set(failed)
