"""A small real fit: what it finds, what it carries, and that it comes back from disk."""

import numpy as np
import pytest

from bayeslaw.errors import InputError
from bayeslaw.fit import fit, load_posterior, provenance, save_posterior, spec_of
from bayeslaw.sampler import SamplerSettings
from tests.helpers import TRUE_GAMMA, small_posterior, small_spec, small_study

SHORT = SamplerSettings(chains=2, warmup=50, draws=50)


def test_the_fit_finds_the_simulated_exponents():
    gamma = small_posterior()["posterior"].dataset["gamma"]
    centre, sd = gamma.mean(("chain", "draw")), gamma.std(("chain", "draw"))
    # 4 sd: under a right posterior P(failure) < 2e-4 for the three families together.
    assert np.all(np.abs(centre.values - TRUE_GAMMA) < 4 * sd.values)
    assert np.all(sd.values < 0.1 * TRUE_GAMMA)


def test_dimensions_are_named_and_padding_is_gone():
    table, _ = small_study()
    posterior = small_posterior()
    draws = posterior["posterior"].dataset
    assert draws["gamma"].dims == ("chain", "draw", "family")
    assert draws["family"].values.tolist() == list(table.families)
    assert draws["run"].values.tolist() == list(table.runs)
    assert set(posterior.children) >= {
        "posterior",
        "prior",
        "sample_stats",
        "observed_data",
        "constant_data",
    }
    assert posterior["observed_data"].sizes["observation"] == len(table)


def test_the_papers_parameters_and_the_coordinates_describe_one_law():
    draws = small_posterior()["posterior"].dataset
    reference = provenance(small_posterior())["reference"]
    loss = (
        draws["E"]
        + draws["A"] * reference["N"] ** -draws["alpha"]
        + draws["B"] * reference["D"] ** -draws["beta"]
    ) * reference["p"] ** -draws["gamma"]
    np.testing.assert_allclose(np.log(loss), draws["level"], rtol=1e-9)


def test_provenance_names_everything_the_posterior_came_from():
    table, _ = small_study()
    record = provenance(small_posterior())
    assert record["table_sha256"] == table.sha256
    assert record["spec_sha256"] == small_spec().sha256
    assert record["origin"] == ["simulated"]
    assert record["unit"] == ["nats/token"]
    assert record["seed"] == 0
    assert record["sampler"]["draws"] == 250
    assert set(record["versions"]) == {"jax", "numpyro", "arviz"}
    assert spec_of(small_posterior()) == small_spec()


def test_a_posterior_comes_back_from_disk_as_it_was(tmp_path):
    posterior = small_posterior()
    save_posterior(posterior, tmp_path / "deep" / "post.nc")
    again = load_posterior(tmp_path / "deep" / "post.nc")
    assert again.attrs == posterior.attrs
    for group in posterior.children:
        assert again[group].dataset.equals(posterior[group].dataset), group
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["post.nc"]


def test_the_same_seed_gives_the_same_draws_and_another_does_not():
    table, _ = small_study()
    first, same, other = (
        fit(table, small_spec(), seed=seed, settings=SHORT)["posterior"]
        .dataset["gamma"]
        .values
        for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(first, same)
    assert np.all(first != other)


def test_progress_is_reported_through_warm_up_and_sampling():
    table, _ = small_study()
    seen = []
    fit(table, small_spec(), settings=SHORT, report=lambda *now: seen.append(now))
    assert [now[:3] for now in seen] == [("warm-up", 50, 100), ("sampling", 100, 100)]


@pytest.mark.parametrize(
    ("changes", "absent"),
    [
        ({"pooling": {"default": "none"}}, "log_gamma_mean"),
        ({"pooling": {"default": "partial", "log_gamma": "complete"}}, "log_gamma_sd"),
        ({"noise": {"likelihood": "normal", "run_effect": False}}, "nu"),
    ],
)
def test_variants_of_the_model_fit_too(changes, absent):
    table, _ = small_study()
    spec = type(small_spec()).model_validate(small_spec().model_dump() | changes)
    draws = fit(table, spec, settings=SHORT)["posterior"].dataset
    assert absent not in draws
    assert np.isfinite(draws["gamma"]).all()
    if "pooling" in changes and "log_gamma" in changes["pooling"]:
        assert float(np.ptp(draws["gamma"], axis=-1).max()) == 0


@pytest.mark.parametrize("content", [None, b"not netCDF"])
def test_a_file_that_is_no_posterior_is_a_user_error(tmp_path, content):
    path = tmp_path / "post.nc"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match="posterior cannot be read"):
        load_posterior(path)
