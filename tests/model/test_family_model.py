"""The density NUTS sees, against the same density written down plainly."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from density import (
    compiled,
    default,
    marked_study,
    potential,
    quantities,
    random_centring,
    random_position,
    values_of,
)
from helpers import rows_of, small_spec, small_study
from numpyro.infer.util import log_density
from scipy import stats

from bayeslaw.data.losses import table_from_rows
from bayeslaw.model.family_model import program
from bayeslaw.model.hierarchy import initial_centring
from bayeslaw.model.noise import FrozenHuber
from bayeslaw.model.padded_arrays import arrange
from bayeslaw.model.spec import read_spec


@pytest.fixture(autouse=True)
def _double_precision():
    with jax.enable_x64(True):
        yield


SPECS = {
    "default": default,
    "every extension": lambda: default(
        extensions=dict.fromkeys(
            ("token_drift", "transfer", "repetition", "trunk_offset"), True
        )
    ),
    "reducible": lambda: default().model_copy(update={"law": "reducible_ratio"}),
    "chinchilla": lambda: read_spec("models/chinchilla.toml"),
    "no pooling": lambda: default(pooling={"default": "none"}),
    "one law": lambda: default(pooling={"default": "complete"}),
    "common gamma": lambda: default(pooling={"log_gamma": "complete"}),
    "one odds": lambda: default(pooling={"odds_N": "complete", "level": "none"}),
    "normal": lambda: default(noise={"likelihood": "normal", "run_effect": False}),
    "huber by ratio": lambda: default(
        noise={"likelihood": "huber", "depends_on_ratio": True}
    ),
    "student by ratio": lambda: default(
        noise={"depends_on_ratio": True, "nu": {"shape": 3.0, "rate": 0.4}}
    ),
}


# Each variant is compiled by every test that asks for it.
RARE = ("no pooling", "one law", "one odds", "normal", "student by ratio")


@pytest.fixture(
    params=[
        pytest.param(make, id=name, marks=[pytest.mark.slow] * (name in RARE))
        for name, make in SPECS.items()
    ]
)
def spec(request):
    return request.param()


def plain_log_joint(spec, data, values):
    """Log joint density of `quantities` and the data, by scipy."""
    values = {name: np.asarray(array) for name, array in values.items()}
    normal, total = stats.norm.logpdf, 0.0
    for name in spec.law_record.coordinates:
        prior, pooling = spec.prior_of(name), spec.pooling_of(name)
        value, mean, sd = (values.get(f"{name}{end}") for end in ("", "_mean", "_sd"))
        if pooling != "none":
            total += normal(mean, prior.loc, prior.scale)
        if pooling == "partial":
            total += normal(np.log(sd), np.log(prior.spread / 2), 0.5)
            total += normal(value, mean, sd).sum()
        if pooling == "none":
            spread = np.hypot(prior.scale, prior.spread)
            total += normal(value, prior.loc, spread).sum()
    noise = spec.noise
    total += normal(np.log(values["sigma"]), np.log(noise.sigma.median), 0.7).sum()
    theta = {name: jnp.asarray(values[name]) for name in spec.law_record.coordinates}
    mean = np.asarray(spec.law_record.log_outcome(data.inputs, theta))
    if noise.run_effect:
        run_sd = values["run_sd"]
        total += normal(np.log(run_sd), np.log(noise.run_sd.median), 0.7)
        total += normal(values["run_effect"], 0, run_sd).sum()
        mean = mean + values["run_effect"][np.asarray(data.run)]
    sigma = values["sigma"][:, None]
    if noise.depends_on_ratio:
        total += normal(values["sigma_ratio_power"], 0, 0.3)
        sigma = sigma * np.exp(
            -values["sigma_ratio_power"] * np.asarray(data.log_ratio)
        )
    scale = np.hypot(np.asarray(data.log_se), sigma)
    if noise.likelihood == "student_t":
        nu = values["nu"]
        total += stats.gamma.logpdf(
            nu, noise.nu.shape, scale=1 / noise.nu.rate
        ) + np.log(nu)
        rows = stats.t(nu, mean, scale)
    else:
        kind = {"normal": stats.norm, "huber": FrozenHuber}[noise.likelihood]
        rows = kind(mean, scale)
    return total + rows.logpdf(np.asarray(data.log_value))[data.observed].sum()


def test_the_potential_is_the_plain_log_joint_of_what_the_chains_move(spec):
    """Its Jacobian by automatic differentiation: of run effects given what their own
    residuals say, of coordinates around what the data say, of the slopes."""
    data, _ = arrange(marked_study(), spec)
    centring = random_centring(spec, data, 1)
    position = random_position(spec, data, centring)
    vector, unravel = jax.flatten_util.ravel_pytree(position)

    def moved(vector):
        values = values_of(spec, data, centring, unravel(vector))
        return quantities(spec, values)

    _, log_det = np.linalg.slogdet(compiled(jax.jacfwd(moved))(vector))
    values = compiled(lambda at: values_of(spec, data, centring, at))(position)
    wanted = plain_log_joint(spec, data, values) + log_det
    got = compiled(lambda at: potential(spec, data, centring, at))(position)
    assert -float(got) == pytest.approx(wanted, rel=1e-9, abs=1e-7)


def test_the_likelihood_is_student_t_of_the_law_with_known_and_unknown_noise():
    table, _ = small_study()
    spec = small_spec()
    data, layout = arrange(table, spec)
    arguments = (spec, data, initial_centring(spec, data))
    position = random_position(*arguments, seed=3)
    values = values_of(*arguments, position)
    _, trace = log_density(program, arguments, {}, values)
    v = jax.tree.map(np.asarray, values)
    site = trace["log_value"]
    got = float(site["fn"].log_prob(site["value"]).sum())
    # Row by row: shares of the loss at the reference, the law around it.
    columns, group = table.columns, layout.group
    x = {k: np.log(columns[k] / layout.reference[k]) for k in ("N", "D", "p")}
    size, data_term = np.exp(v["odds_N"]), np.exp(v["odds_D"])
    alpha, beta, gamma = (np.exp(v[f"log_{k}"]) for k in ("alpha", "beta", "gamma"))
    mean = (
        v["level"][group]
        - np.log(1 + size + data_term)[group]
        + np.log(
            1
            + size[group] * np.exp(-alpha[group] * x["N"])
            + data_term[group] * np.exp(-beta[group] * x["D"])
        )
        - gamma[group] * x["p"]
        + v["run_effect"][np.asarray(data.run)[layout.cell]]
    )
    scale = np.hypot(columns["se"] / columns["value"], v["sigma"][group])
    wanted = stats.t.logpdf(np.log(columns["value"]), v["nu"], mean, scale).sum()
    assert got == pytest.approx(wanted, rel=1e-10)


def test_the_order_of_the_rows_does_not_change_the_density():
    table, _ = small_study()
    rows = rows_of(table)
    shuffled = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]
    # Families keep their columns: the first rows name them in the same order.
    shuffled.sort(key=lambda row: row["run"] != rows[0]["run"])
    shuffled[:6] = sorted(shuffled[:6], key=lambda row: row["family"])
    again = table_from_rows(shuffled)
    assert again.families == table.families
    assert again.runs != table.runs
    densities = []
    for one in (table, again):
        data, _ = arrange(one, small_spec())
        arguments = (small_spec(), data, initial_centring(small_spec(), data))
        position = random_position(*arguments)
        # Every run where its own residuals say, whatever its place.
        position["run_effect_sampled"] = jnp.zeros(data.run_exists.shape)
        densities.append(float(potential(*arguments, position)))
    assert densities[0] == pytest.approx(densities[1], rel=1e-12)


def test_padding_changes_the_density_of_nothing_observed():
    """Values under the mask may be anything."""
    data, _ = arrange(marked_study(), small_spec())
    arguments = (small_spec(), data, initial_centring(small_spec(), data))
    position = random_position(*arguments)
    other = data._replace(
        log_value=jnp.where(data.observed, data.log_value, 7.0),
        inputs={k: jnp.where(data.observed, x, -3.0) for k, x in data.inputs.items()},
    )
    assert not data.observed.all()
    first, second = (
        float(potential(small_spec(), d, arguments[2], position)) for d in (data, other)
    )
    assert first == pytest.approx(second, rel=1e-13)
