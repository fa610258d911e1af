"""Priors stated by name: every way to say one, and what each wrong way is told."""

import math

import pytest

from bayeslaw.errors import InputError
from bayeslaw.laws.group_prior import GroupPrior
from bayeslaw.model.spec import GammaPrior, parse_spec

SMALLEST = {"name": "x", "law": "family_loss"}
Z95 = 1.6448536269514722


def stated(**priors):
    return parse_spec(SMALLEST | {"priors": priors}, "spec.toml")


def refused(content) -> str:
    with pytest.raises(InputError) as caught:
        parse_spec(SMALLEST | content, "spec.toml")
    message = str(caught.value)
    for part in ("spec.toml", "where:", "got:", "expected:", "fix:"):
        assert part in message
    return message


def test_a_lognormal_of_gamma_is_a_normal_of_its_logarithm():
    spec = stated(gamma={"distribution": "lognormal", "median": 0.2, "log_scale": 0.3})
    default = spec.law_record.coordinates["log_gamma"].prior
    assert spec.prior_of("log_gamma") == GroupPrior(math.log(0.2), 0.3, default.spread)
    assert spec == stated(gamma={"median": 0.2, "log_scale": 0.3})


def test_two_quantiles_of_a_positive_parameter_are_those_of_its_prior():
    prior = stated(gamma={"q05": 0.03, "q95": 0.3}).prior_of("log_gamma")
    assert math.exp(prior.loc - Z95 * prior.scale) == pytest.approx(0.03)
    assert math.exp(prior.loc + Z95 * prior.scale) == pytest.approx(0.3)


def test_any_two_quantiles_will_do_for_a_coordinate():
    prior = stated(drift={"q50": 0.02, "q975": 0.1}).prior_of("drift")
    assert prior.loc == pytest.approx(0.02)
    assert prior.scale == pytest.approx(0.08 / 1.959964, rel=1e-5)


def test_what_is_not_stated_is_as_the_law_has_it():
    law = parse_spec(SMALLEST, "here").law_record
    default = law.coordinates["log_alpha"].prior
    spread_only = stated(alpha={"spread": 0.5}).prior_of("log_alpha")
    assert spread_only == GroupPrior(default.loc, default.scale, 0.5)
    assert stated(alpha={"spread": 0.5}).prior_of("level").loc == math.log(2.0)


def test_a_coordinate_and_its_parameter_say_the_same():
    by_name = stated(alpha={"median": 0.4, "log_scale": 0.2, "spread": 0.1})
    by_coordinate = stated(
        log_alpha={"loc": math.log(0.4), "scale": 0.2, "spread": 0.1}
    )
    assert by_name == by_coordinate
    assert by_name.sha256 == by_coordinate.sha256


def test_noise_scales_take_quantiles_too():
    noise = {"sigma": {"q05": 0.005, "q95": 0.05}, "run_sd": {"median": 0.02}}
    spec = parse_spec(SMALLEST | {"noise": noise}, "here")
    sigma = spec.noise.sigma
    assert sigma.median * math.exp(Z95 * sigma.log_scale) == pytest.approx(0.05)
    assert spec.noise.run_sd.median == 0.02


@pytest.mark.parametrize(
    "nu",
    [
        {"shape": 2.0, "rate": 0.1},
        {"distribution": "gamma", "shape": 2.0, "rate": 0.1},
        {"q05": 3.55361511, "q95": 47.4386453},
        {"q95": 47.4386453, "q50": 16.7834699},
    ],
)
def test_degrees_of_freedom_take_a_gamma_or_its_quantiles(nu):
    prior = parse_spec(SMALLEST | {"noise": {"nu": nu}}, "here").noise.nu
    assert (prior.shape, prior.rate) == pytest.approx((2.0, 0.1), rel=1e-6)
    assert parse_spec(SMALLEST, "here").noise.nu == GammaPrior(shape=2.0, rate=0.1)


@pytest.mark.parametrize(
    ("nu", "said"),
    [
        ({"q05": 4.0, "q95": 4.0001}, ["no Gamma distribution has", "q95 = 4.0001"]),
        ({"q05": 4.0, "shape": 2.0}, ["noise.nu", "shape = 2.0 and rate"]),
        ({"distribution": "gamma", "median": 4.0, "log_scale": 1}, ["is a Gamma"]),
        ({"distribution": "lognormal", "q05": 4.0, "q95": 40.0}, ["is a Gamma"]),
        ({"q05": -4.0, "q95": 40.0}, ["noise.nu.q05", "greater than 0"]),
        ({"shape": 2.0}, ["noise.nu.rate", "required"]),
        ({"shape": 2.0, "rate": 0.0}, ["noise.nu.rate", "greater than 0"]),
    ],
)
def test_a_wrong_prior_of_the_degrees_of_freedom_is_refused(nu, said):
    message = refused({"noise": {"nu": nu}})
    assert [part for part in said if part not in message] == []


def test_extensions_bring_their_names():
    content = SMALLEST | {
        "extensions": {"repetition": True},
        "priors": {"R": {"median": 5.0, "log_scale": 1.0}},
    }
    spec = parse_spec(content, "here")
    assert spec.prior_of("log_R").loc == pytest.approx(math.log(5.0))


def test_a_spec_survives_its_own_record():
    spec = stated(gamma={"q05": 0.03, "q95": 0.3}, drift={"loc": 0, "scale": 1})
    assert type(spec).model_validate_json(spec.model_dump_json()) == spec


@pytest.mark.parametrize(
    ("priors", "said"),
    [
        ({"gama": {"median": 1}}, ["gama", "did you mean gamma"]),
        ({"A": {"median": 400, "log_scale": 1}}, ["odds_N", "set-priors"]),
        ({"sigma": {"median": 0.01}}, ["[noise.sigma]"]),
        ({"gamma": 0.1}, ["priors.gamma", "0.1", "[priors.gamma]"]),
        ({"gamma": {}}, ["priors.gamma", "not a table"]),
        ({"gamma": {"mean": 0.1, "sd": 1}}, ["gamma.mean", "gamma.sd", "log_scale"]),
        ({"gamma": {"q5": 0.1, "q95": 1}}, ["gamma.q5", "write quantiles as q05"]),
        ({"gamma": {"q00": 0.1, "q95": 1}}, ["gamma.q00"]),
        ({"gamma": {"q05": 0.1}}, ["q05 = 0.1", "two quantiles"]),
        (
            {"gamma": {"q05": 0.1, "q50": 1, "q95": 2}},
            ["or two quantiles"],
        ),
        ({"gamma": {"q05": 0.3, "q95": 0.1}}, ["do not increase", "swap"]),
        ({"gamma": {"q05": 0.0, "q95": 0.1}}, ["gamma.q05", "greater than 0"]),
        ({"gamma": {"median": 0.1}}, ["median = 0.1", "log_scale = "]),
        (
            {"gamma": {"median": 0.1, "log_scale": 1, "q05": 1, "q95": 2}},
            ["stated twice"],
        ),
        ({"gamma": {"loc": 0.1, "scale": 0.1}}, ["positive", "LogNormal"]),
        (
            {"gamma": {"distribution": "normal", "q05": 0.1, "q95": 0.2}},
            ["'normal'", "LogNormal"],
        ),
        (
            {"drift": {"median": 0.1, "log_scale": 1}},
            ["may be negative", "Normal", "loc = "],
        ),
        ({"gamma": {"distribution": "lognormal"}}, ["log_scale = "]),
        ({"gamma": {"median": True, "log_scale": 1}}, ["gamma.median", "True"]),
        ({"gamma": {"median": math.nan, "log_scale": 1}}, ["gamma.median", "nan"]),
        ({"gamma": {"spread": -1.0}}, ["gamma.spread", "-1.0"]),
        (
            {"gamma": {"spread": 0.1}, "log_gamma": {"spread": 0.1}},
            ["same coordinate", "[priors.gamma] and [priors.log_gamma]"],
        ),
        ({"gama": {}, "drift": {"loc": "x", "scale": 1}}, ["2 problems", "'x'"]),
    ],
    ids=str,
)
def test_a_wrong_prior_is_named_with_what_was_wanted(priors, said):
    message = refused({"priors": priors})
    for part in said:
        assert part in message


def test_priors_that_are_no_table_are_refused():
    assert "[priors]" in refused({"priors": 3})


@pytest.mark.parametrize(
    ("noise", "said"),
    [
        ({"sigma": {"q05": 0.01}}, "two quantiles"),
        ({"sigma": {"q05": 0.01, "q95": 0.1, "median": 1}}, "stated twice"),
        ({"run_sd": {"q05": 0.01, "q95": 0.1, "spread": 1}}, "noise.run_sd.spread"),
    ],
)
def test_wrong_quantiles_of_noise_are_refused(noise, said):
    assert said in refused({"noise": noise})
