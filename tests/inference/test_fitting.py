"""A small real fit: what it finds, what it carries, its way to disk and back."""

import jax
import numpy as np
import pytest
from density import compiled, potential
from helpers import (
    SETTINGS,
    TRUE_GAMMA,
    changed_spec,
    rival_posterior,
    small_posterior,
    small_spec,
    small_study,
)

from bayeslaw.errors import InputError
from bayeslaw.inference.fitting import fit
from bayeslaw.inference.posterior import (
    Fitted,
    load_posterior,
    provenance,
    save_posterior,
)
from bayeslaw.inference.prior_draws import draw_prior
from bayeslaw.inference.sampler import SamplerSettings
from bayeslaw.model.hierarchy import initial_centring
from bayeslaw.model.padded_arrays import arrange


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
    assert record["sampler"]["draws"] == 1000
    assert set(record["versions"]) == {"jax", "numpyro", "arviz"}
    assert Fitted.of(small_posterior()).spec == small_spec()


def test_a_posterior_comes_back_from_disk_as_it_was(tmp_path):
    posterior = small_posterior()
    save_posterior(posterior, tmp_path / "deep" / "post.nc")
    again = load_posterior(tmp_path / "deep" / "post.nc")
    assert again.attrs == posterior.attrs
    for group in posterior.children:
        assert again[group].dataset.equals(posterior[group].dataset), group
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["post.nc"]


def test_the_same_seed_gives_the_same_draws():
    table, _ = small_study()
    again = fit(table, small_spec(), seed=0, settings=SETTINGS)
    assert again["posterior"].dataset.equals(small_posterior()["posterior"].dataset)


def test_another_seed_agrees_within_monte_carlo_error_and_reports_progress():
    table, _ = small_study()
    seen = []
    other = fit(
        table,
        small_spec(),
        seed=1,
        settings=SETTINGS,
        report=lambda *now: seen.append(now),
    )
    first, second = (
        post["posterior"].dataset["log_gamma"].values.reshape(-1, 3)
        for post in (small_posterior(), other)
    )
    assert np.all(first != second)
    # Each mean has a Monte Carlo error below sd / sqrt(200), as ESS > 200 shows: the
    # difference exceeds 5 of its own sd with a probability below 1e-6.
    tolerance = 5 * np.sqrt(2 / 200) * first.std(0)
    assert np.all(np.abs(first.mean(0) - second.mean(0)) < tolerance)
    assert seen[0][:3] == ("warm-up", 50, 1300)
    assert seen[-1][:3] == ("sampling", 1300, 1300)


NOISES = {"likelihood": "huber", "depends_on_ratio": True}
VARIANTS = {
    "no pooling": ({"pooling": {"default": "none"}}, "log_gamma_mean"),
    "common gamma": ({"pooling": {"log_gamma": "complete"}}, "log_gamma_sd"),
    "one law": ({"pooling": {"default": "complete"}}, "level_sd"),
    "normal noise": ({"noise": {"likelihood": "normal", "run_effect": False}}, "nu"),
    "huber noise by ratio": ({"noise": NOISES}, "nu"),
    "drift": ({"extensions": {"drift": True}}, "trunk_level"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("changes", "absent"), VARIANTS.values(), ids=VARIANTS)
def test_the_density_of_every_variant_is_finite_with_a_gradient(changes, absent):
    table, _ = small_study()
    spec = changed_spec(**changes)
    with jax.enable_x64(True):
        data, _ = arrange(table, spec)
        drawn = draw_prior(spec, data, jax.random.key(0), 1)
        assert absent not in {**drawn.sites, **drawn.deterministic}
        free = {name: values[0] for name, values in drawn.sites.items()}
        centring = initial_centring(spec, data)
        value, gradient = compiled(
            jax.value_and_grad(lambda sites: potential(spec, data, centring, sites))
        )(free)
    assert np.isfinite(value)
    assert all(np.isfinite(part).all() for part in gradient.values())


def test_drift_and_huber_noise_by_ratio_are_fitted_and_carried():
    draws = rival_posterior()["posterior"].dataset
    assert "nu" not in draws
    assert draws["sigma_ratio_power"].dims == ("chain", "draw")
    assert draws["gamma_per_decade"].dims == ("chain", "draw", "family")
    # The truth has no drift and even noise. 4 sd: P(failure) < 6e-4 in all, for a right
    # posterior; Huber's noise has another shape than the study's Student-t.
    for name, truth in {
        "gamma": TRUE_GAMMA,
        "drift": np.zeros(3),
        "sigma_ratio_power": np.zeros(()),
    }.items():
        values = draws[name].values
        centre, sd = values.mean((0, 1)), values.std((0, 1))
        assert np.all(np.abs(centre - truth) < 4 * sd), name
    assert draws["drift"].values.std((0, 1)).max() < 0.1
    assert rival_posterior()["sample_stats"]["diverging"].values.mean() < 0.01


@pytest.mark.slow
@pytest.mark.parametrize(("changes", "absent"), VARIANTS.values(), ids=VARIANTS)
def test_every_variant_fits_and_carries_its_own_parameters(changes, absent):
    table, _ = small_study()
    short = SamplerSettings(chains=2, warmup=300, draws=300)
    draws = fit(table, changed_spec(**changes), settings=short)["posterior"].dataset
    assert absent not in draws
    gamma = draws["gamma"].values
    if absent in ("log_gamma_sd", "level_sd"):
        assert np.ptp(gamma, axis=-1).max() == 0
    else:
        wanted = TRUE_GAMMA
        sd = gamma.std((0, 1))
        assert np.all(np.abs(gamma.mean((0, 1)) - wanted) < 5 * sd + 1e-3)


def test_netcdf_that_is_no_posterior_is_a_user_error(tmp_path):
    posterior = small_posterior().copy()
    posterior.attrs = {"spec": "not JSON"}
    save_posterior(posterior, tmp_path / "post.nc")
    with pytest.raises(InputError, match=r"not a posterior[\s\S]*fit` again"):
        load_posterior(tmp_path / "post.nc")


@pytest.mark.parametrize("content", [None, b"not netCDF"])
def test_a_file_that_is_no_posterior_is_a_user_error(tmp_path, content):
    path = tmp_path / "post.nc"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match="posterior cannot be read"):
        load_posterior(path)
