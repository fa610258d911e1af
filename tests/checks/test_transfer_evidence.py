"""Evidence on transfer from draws that are known."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import xarray as xr
from helpers import small_posterior
from typer.testing import CliRunner

from bayeslaw.checks.transfer_evidence import independence
from bayeslaw.cli.main import app
from bayeslaw.errors import InputError
from bayeslaw.inference.posterior import save_posterior
from bayeslaw.model.spec import read_spec

FAMILIES, SOURCES = ["romance", "slavic"], ["romance", "slavic", "code"]


def posterior() -> xr.DataTree:
    """Two families and a source of its own; romance learns from slavic only."""
    drawn = np.full((2, 50, 2, 3), 0.001)
    drawn[..., 0, 0] = drawn[..., 1, 1] = 1.0
    # Above 0.02 in 80 of 100 draws.
    drawn[..., 0, 1] = np.where(np.arange(100).reshape(2, 50) < 80, 0.3, 0.01)
    prior = np.full((1, 10, 2, 3), 0.01)
    prior[..., 0, 0] = prior[..., 1, 1] = 1.0
    prior[0, :4, 0, 1] = 0.05
    prior[0, 3:6, 1, 2] = 0.05
    dims = ("chain", "draw", "family", "source")
    names = {"family": FAMILIES, "source": SOURCES}
    groups = {
        name: xr.Dataset({"transfer": (dims, values)}, coords=names)
        for name, values in (("posterior", drawn), ("prior", prior))
    }
    groups["sample_stats"] = xr.Dataset({"at_tree_limit": ("chain", np.zeros(2))})
    tree = xr.DataTree.from_dict(groups)
    record = {"spec": read_spec("models/transfer.toml").model_dump()}
    record |= {"origin": ["simulated"]}
    tree.attrs = {name: json.dumps(value) for name, value in record.items()}
    return tree


def test_pairs_are_counted_against_the_threshold_with_the_prior_beside():
    found = independence(posterior())
    pairs = {(one.family, one.source): one for one in found.pairs}
    others = [(f, s) for f in FAMILIES for s in SOURCES if f != s]
    assert list(pairs) == others
    helped = pairs["romance", "slavic"]
    assert (helped.p_above, helped.prior_p_above) == (0.8, 0.4)
    assert (helped.lower, helped.median, helped.upper) == (0.01, 0.3, 0.3)
    assert pairs["slavic", "code"].p_above == 0.0
    assert pairs["slavic", "code"].prior_p_above == pytest.approx(0.3)


def test_independence_is_that_no_pair_exceeds_the_threshold():
    found = independence(posterior())
    # Prior draws with some pair above: 0 to 3, and 3 to 5.
    assert found.p_independent == pytest.approx(0.2)
    assert found.prior_p_independent == pytest.approx(0.4)
    assert independence(posterior(), threshold=0.5).p_independent == 1.0


def test_a_model_without_transfer_is_refused():
    with pytest.raises(InputError, match="model has no transfer"):
        independence(small_posterior())


def test_the_command_prints_both_and_json(tmp_path):
    path = tmp_path / "posterior.nc"
    save_posterior(posterior(), path)
    shown = CliRunner().invoke(app, ["transfer", str(path)])
    assert shown.exit_code == 0
    words = " ".join(shown.stdout.split())
    assert "(simulated rows)" in words
    assert "P(independent: no tau above 0.02) = 0.20; under the prior 0.40." in words
    plain = CliRunner().invoke(app, ["transfer", str(path), "--json"])
    expected = json.loads(json.dumps(asdict(independence(posterior()))))
    assert json.loads(plain.stdout) == expected
