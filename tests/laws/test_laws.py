"""Every law of LAWS and every extension it offers, against the same properties."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bayeslaw.laws import LAWS
from bayeslaw.laws.chinchilla import chinchilla, log_weights
from bayeslaw.laws.extensions.crosslingual_transfer import effective_ratio
from bayeslaw.laws.extensions.repetition import worth
from bayeslaw.laws.family_loss import family_loss
from bayeslaw.laws.reducible_ratio import reducible_ratio

REFERENCE = {"N": 1e8, "D": 3e9, "p": 0.2}
PAPER = {"E": 1.5, "A": 400.0, "B": 600.0, "alpha": 0.34, "beta": 0.28, "gamma": 0.1}
# Coordinates of each extension at which the law is its own formula.
NOTHING = {
    "drift": {"drift": 0.0},
    "token_drift": {"token_drift": 0.0},
    "transfer": {"log_transfer": -1e3},
    "repetition": {"log_R": 30.0},
    "trunk_offset": {"trunk_level": 0.0, "trunk_slope": 0.0},
}


@pytest.fixture(autouse=True)
def _double_precision():
    with jax.enable_x64(True):
        yield


@pytest.fixture(params=LAWS.values(), ids=LAWS.keys())
def law(request):
    return request.param


def with_extension(name):
    """Every law that offers an extension, with it alone in use."""
    return [
        pytest.param(law.extended([name]), id=law.name)
        for law in LAWS.values()
        if name in [part.name for part in law.offered]
    ]


def some_coordinates(law, rng, shape=(7, 1)):
    return {
        name: rng.normal(c.prior.loc, c.prior.total_scale, shape)
        for name, c in law.coordinates.items()
    }


def some_inputs(law, rng, n=11):
    """Inputs within two decades of the reference, ratios within their domain."""
    inputs = {
        name: REFERENCE[name] * 10 ** rng.uniform(-2, 2, (1, n)) for name in law.inputs
    }
    if law.has_ratio:
        inputs["p"] = rng.uniform(0.01, 1.0, (1, n))
    return inputs


def centred(inputs):
    return {name: np.log(value / REFERENCE[name]) for name, value in inputs.items()}


def test_coordinates_and_the_papers_parameters_give_the_same_outcome(law):
    rng = np.random.default_rng(0)
    coordinates, inputs = some_coordinates(law, rng), some_inputs(law, rng)
    natural = law.to_natural(coordinates, REFERENCE)
    assert set(natural) == set(law.parameters)
    direct = law.function(*(inputs[name] for name in law.inputs), **natural)
    in_coordinates = law.log_mean(**centred(inputs), **coordinates)
    np.testing.assert_allclose(np.exp(in_coordinates), direct, rtol=1e-11)


def test_outcome_moves_with_each_input_as_declared(law):
    rng = np.random.default_rng(1)
    coordinates, inputs = some_coordinates(law, rng), some_inputs(law, rng)
    assert set(law.increasing) == set(law.inputs)
    base = law.log_mean(**centred(inputs), **coordinates)
    for name, is_rising in law.increasing.items():
        more = dict(inputs, **{name: inputs[name] * 1.1})
        change = np.asarray(law.log_mean(**centred(more), **coordinates) - base)
        assert np.all(change > 0 if is_rising else change < 0), name


def test_gradients_agree_with_finite_differences(law):
    rng = np.random.default_rng(2)
    coordinates = {
        n: jnp.asarray(v[0, 0]) for n, v in some_coordinates(law, rng).items()
    }
    x = {
        name: jnp.asarray(v[0, 0]) for name, v in centred(some_inputs(law, rng)).items()
    }

    def outcome(values):
        return law.log_mean(**x, **values)

    gradient = jax.grad(outcome)(coordinates)
    for name in coordinates:
        step = 1e-6
        up = dict(coordinates, **{name: coordinates[name] + step})
        down = dict(coordinates, **{name: coordinates[name] - step})
        numeric = (outcome(up) - outcome(down)) / (2 * step)
        np.testing.assert_allclose(gradient[name], numeric, rtol=1e-6, atol=1e-9)


def test_outcome_stays_finite_ten_decades_from_the_reference(law):
    rng = np.random.default_rng(3)
    coordinates = some_coordinates(law, rng)
    for distance in (-23.0, 23.0):
        x = dict.fromkeys(law.inputs, np.full((1, 1), distance))
        if law.has_ratio:
            x["p"] = np.zeros((1, 1))
        value, gradient = jax.value_and_grad(
            lambda c, x=x: law.log_mean(**x, **c).sum()
        )(coordinates)
        assert np.isfinite(value)
        assert all(np.isfinite(part).all() for part in gradient.values())


def test_compiled_and_plain_agree(law):
    rng = np.random.default_rng(4)
    coordinates, x = some_coordinates(law, rng), centred(some_inputs(law, rng))
    plain = law.log_mean(**x, **coordinates)
    np.testing.assert_allclose(jax.jit(law.log_mean)(**x, **coordinates), plain)


def test_what_ratios_move_is_a_power_of_the_ratio_above_the_floor(law):
    """Decisions rely on it: outcome = floor + c p^-exp(log_gamma)."""
    assert law.has_ratio == ("p" in law.inputs) == ("log_gamma" in law.coordinates)
    if not law.has_ratio:
        assert law.floor is None
        return
    rng = np.random.default_rng(5)
    coordinates, inputs = some_coordinates(law, rng), some_inputs(law, rng)
    natural = law.to_natural(coordinates, REFERENCE)
    floor = 0.0 if law.floor is None else np.exp(law.floor(coordinates))
    whole = dict(inputs, p=np.ones_like(inputs["p"]))
    above, at_full = (
        law.function(*(x[name] for name in law.inputs), **natural) - floor
        for x in (inputs, whole)
    )
    expected = inputs["p"] ** -np.exp(coordinates["log_gamma"])
    np.testing.assert_allclose(above / at_full, expected, rtol=1e-9)


def test_quantities_the_data_fix_lead_back_to_the_coordinates(law):
    fixed, rng = law.data_fixed, np.random.default_rng(6)
    coordinates = some_coordinates(law, rng, (200,))
    # Also where one term is nearly all of the loss, or next to nothing of it.
    for name in fixed.coordinates:
        coordinates[name][:50] = rng.uniform(-8, 8, 50)
    moved = fixed.to_fixed(coordinates)
    others = {k: v for k, v in coordinates.items() if k not in fixed.coordinates}
    found, _ = fixed.from_fixed(moved, others)
    for name, values in zip(fixed.coordinates, found, strict=True):
        np.testing.assert_allclose(values, coordinates[name], rtol=1e-7, atol=1e-9)


def test_their_log_determinant_is_that_of_the_derivative(law):
    fixed, rng = law.data_fixed, np.random.default_rng(7)
    coordinates = some_coordinates(law, rng, (40,))
    for name in fixed.coordinates:
        coordinates[name][:10] = rng.uniform(-6, 6, 10)

    def back(moved, one):
        return jnp.stack(fixed.from_fixed(tuple(moved), one)[0])

    moved = jnp.stack(fixed.to_fixed(coordinates), axis=1)
    derivatives = jax.vmap(jax.jacfwd(back))(moved, coordinates)
    _, wanted = np.linalg.slogdet(derivatives)
    _, got = fixed.from_fixed(tuple(moved.T), coordinates)
    np.testing.assert_allclose(got, wanted, rtol=1e-8, atol=1e-8)


def study(law, rng, n_cells=9, n_groups=3):
    """Coordinates of an extended law, plain inputs, and inputs as the law takes them.

    Plain inputs: N, D (cell, 1), p (cell, group) with zeros where the law allows them,
    epochs and trunk (cell, group).
    """
    coordinates = {
        name: rng.normal(
            c.prior.loc,
            c.prior.total_scale,
            (n_groups, n_groups) if c.per == "pair" else n_groups,
        )
        for name, c in law.coordinates.items()
    }
    shape = (n_cells, n_groups)
    plain = {name: REFERENCE[name] * 10 ** rng.uniform(-1, 1, shape) for name in "ND"}
    plain["p"] = rng.dirichlet(np.ones(n_groups), n_cells)
    if "transfer" in [part.name for part in law.extensions]:
        plain["p"][0] = [0.0, 0.3, 0.7]
        plain["p"][1] = [1.0, 0.0, 0.0]
    plain["epochs"] = 10 ** rng.uniform(-1, 2, shape)
    plain["trunk"] = (rng.random(shape) < 0.5) * 1.0
    inputs = {name: np.log(plain[name] / REFERENCE[name]).T for name in "ND"}
    inputs |= {
        "epochs": plain["epochs"].T,
        "trunk": plain["trunk"].T,
        "mixture": plain["p"].T,
        "own": np.eye(n_groups, dtype=bool),
        "log_p0": np.log(REFERENCE["p"]),
    }
    if "p" in law.all_inputs:
        inputs["p"] = np.log(plain["p"] / REFERENCE["p"]).T
    return coordinates, plain, {name: inputs[name] for name in law.all_inputs}


def natural_of(law, coordinates):
    natural = law.all_natural(coordinates, REFERENCE)
    return {name: np.asarray(values) for name, values in natural.items()}


def own_formula(law, natural, plain, **changed):
    """The paper's formula at plain inputs, some of them changed."""
    values = plain | changed
    own = {name: natural[name] for name in law.parameters}
    return law.function(*(values[name] for name in law.inputs), **own)


def outcome(law, coordinates, inputs):
    arrays = jax.tree.map(jnp.asarray, (inputs, coordinates))
    return np.exp(law.log_outcome(*arrays)).T


def test_without_extensions_the_law_is_its_own_formula(law):
    coordinates, plain, inputs = study(law, np.random.default_rng(8))
    natural = natural_of(law, coordinates)
    np.testing.assert_allclose(
        outcome(law, coordinates, inputs), own_formula(law, natural, plain), rtol=1e-11
    )


@pytest.mark.parametrize("name", NOTHING)
def test_an_extension_at_zero_leaves_the_law_as_it_is(law, name):
    offered = [part.name for part in law.offered]
    assert set(offered) <= set(NOTHING)
    assert ("drift" in offered) == ("transfer" in offered) == law.has_ratio
    if name not in offered:
        return
    extended = law.extended([name])
    coordinates, plain, inputs = study(extended, np.random.default_rng(9))
    plain["p"] = np.full_like(plain["p"], 1 / 3)
    inputs |= {"mixture": plain["p"].T} if name == "transfer" else {}
    if law.has_ratio and name != "transfer":
        inputs["p"] = np.log(plain["p"] / REFERENCE["p"]).T
    for key, value in NOTHING[name].items():
        coordinates[key] = np.full_like(coordinates[key], value)
    natural = natural_of(extended, coordinates)
    got = outcome(extended, coordinates, inputs)
    np.testing.assert_allclose(got, own_formula(law, natural, plain), rtol=1e-10)


def test_all_extensions_together_at_zero_leave_the_law_as_it_is(law):
    extended = law.extended([part.name for part in law.offered])
    coordinates, plain, inputs = study(extended, np.random.default_rng(10))
    plain["p"] = np.full_like(plain["p"], 1 / 3)
    if law.has_ratio:
        inputs["mixture"] = plain["p"].T
    for part in law.offered:
        for key, value in NOTHING[part.name].items():
            coordinates[key] = np.full_like(coordinates[key], value)
    natural = natural_of(extended, coordinates)
    got = outcome(extended, coordinates, inputs)
    np.testing.assert_allclose(got, own_formula(law, natural, plain), rtol=1e-10)


@pytest.mark.parametrize(
    ("law", "name", "of", "factor"),
    [
        pytest.param(*law.values, name, of, factor, id=f"{law.id}-{name}")
        for name, of, factor in (
            ("drift", "N", "gamma_per_decade"),
            ("token_drift", "D", "gamma_per_decade_of_tokens"),
        )
        for law in with_extension(name)
    ],
)
def test_drift_is_a_power_of_size_or_tokens_in_the_ratio_exponent(
    law, name, of, factor
):
    """The paper's law holds at the reference for every ratio, and at p0 everywhere."""
    coordinates, plain, inputs = study(law, np.random.default_rng(11))
    natural = natural_of(law, coordinates)
    drift = coordinates[name]
    exponent = natural["gamma"] * (plain[of] / REFERENCE[of]) ** drift
    ratio = (plain["p"] / REFERENCE["p"]) ** -exponent
    at_p0 = REFERENCE["p"] ** -natural["gamma"]
    size = natural["A"] / plain["N"] ** natural["alpha"]
    data = natural["B"] / plain["D"] ** natural["beta"]
    if law.floor is None:
        expected = (natural["E"] + size + data) * at_p0 * ratio
    else:
        expected = natural["E"] + (size + data) * at_p0 * ratio
    np.testing.assert_allclose(outcome(law, coordinates, inputs), expected, rtol=1e-11)
    np.testing.assert_allclose(natural[factor], 10**drift)


@pytest.mark.parametrize("law", with_extension("transfer"))
def test_transfer_adds_what_other_families_are_worth_also_to_a_share_of_zero(law):
    coordinates, plain, inputs = study(law, np.random.default_rng(12))
    natural = natural_of(law, coordinates)
    effective = np.zeros_like(plain["p"])
    for cell, mixture in enumerate(plain["p"]):
        for i in range(3):
            effective[cell, i] = mixture[i] + sum(
                natural["transfer"][i, j] * mixture[j] for j in range(3) if j != i
            )
    assert (plain["p"] == 0).sum() == 3
    expected = own_formula(law, natural, plain, p=effective)
    np.testing.assert_allclose(outcome(law, coordinates, inputs), expected, rtol=1e-11)


def test_transfer_comes_from_sources_that_no_loss_was_measured_on_too():
    transfer = np.array([[1.0, 0.1, 0.5], [0.2, 1.0, 0.0]])
    mixture = np.array([[0.2, 0.3, 0.5], [0.0, 0.0, 1.0]]).T
    wanted = [[0.2 + 0.03 + 0.25, 0.5], [0.04 + 0.3, 0.0]]
    np.testing.assert_allclose(effective_ratio(mixture, transfer), wanted)


@pytest.mark.parametrize("law", with_extension("repetition"))
def test_repetition_counts_tokens_as_muennighoff_does(law):
    coordinates, plain, inputs = study(law, np.random.default_rng(13))
    natural = natural_of(law, coordinates)
    epochs, R = plain["epochs"], natural["R"]
    # Their D' = U + U R (1 - exp(-(epochs - 1) / R)) of U distinct tokens.
    unique = plain["D"] / epochs
    repeated = unique * (1 + R * (1 - np.exp(-(epochs - 1) / R)))
    fresh = np.where(epochs > 1, repeated, plain["D"])
    assert (epochs < 1).any()
    expected = own_formula(law, natural, plain, D=fresh)
    np.testing.assert_allclose(outcome(law, coordinates, inputs), expected, rtol=1e-9)


def test_four_epochs_are_nearly_as_good_as_fresh_text_and_forty_are_not():
    """Figures of Muennighoff et al. 2023 with their R* = 15.39."""
    assert worth(4.0, 15.39) == pytest.approx(0.93, abs=0.01)
    assert 40 * worth(40.0, 15.39) < 1 + 15.39
    assert worth(1.0, 15.39) == worth(0.2, 15.39) == 1.0


@pytest.mark.parametrize("law", with_extension("trunk_offset"))
def test_the_trunk_offset_is_a_line_in_log_tokens_for_trunk_rows_only(law):
    coordinates, plain, inputs = study(law, np.random.default_rng(14))
    natural = natural_of(law, coordinates)
    line = coordinates["trunk_level"] + coordinates["trunk_slope"] * np.log(
        plain["D"] / REFERENCE["D"]
    )
    is_trunk = plain["trunk"] == 1
    assert is_trunk.any()
    assert not is_trunk.all()
    expected = own_formula(law, natural, plain) * np.where(is_trunk, np.exp(line), 1.0)
    np.testing.assert_allclose(outcome(law, coordinates, inputs), expected, rtol=1e-11)


def test_extensions_add_coordinates_and_inputs_and_say_where_they_come_from(law):
    for part in law.offered:
        extended = law.extended([part.name])
        assert [*extended.coordinates] == [*law.coordinates, *part.coordinates]
        assert set(part.inputs) <= set(extended.all_inputs)
        assert part.replaces not in extended.all_inputs
        assert part.meaning
        assert part.source
    assert [p.name for p in law.offered if p.is_default] == ["drift"] * law.has_ratio


def test_laws_tend_to_their_irreducible_part():
    assert family_loss(1e300, 1e300, 1.0, **PAPER) == pytest.approx(PAPER["E"])
    assert reducible_ratio(1e300, 1e300, 0.01, **PAPER) == pytest.approx(PAPER["E"])


@pytest.mark.parametrize(
    ("function", "inputs", "expected"),
    [
        # (2 + 8/16^.5 + 27/27^(1/3)) * .25^-.5 = (2 + 2 + 9) * 2
        (family_loss, (16.0, 27.0, 0.25), 26.0),
        (reducible_ratio, (16.0, 27.0, 0.25), 24.0),
        (chinchilla, (16.0, 27.0), 13.0),
    ],
)
def test_laws_at_a_hand_computed_point(function, inputs, expected):
    parameters = {"E": 2.0, "A": 8.0, "B": 27.0, "alpha": 0.5, "beta": 1 / 3}
    if len(inputs) == 3:
        parameters["gamma"] = 0.5
    assert function(*inputs, **parameters) == pytest.approx(expected)


def test_weights_are_the_shares_of_the_loss_at_the_reference():
    weights = np.exp(log_weights(jnp.asarray(-0.3), jnp.asarray(0.7)))
    assert weights.sum() == pytest.approx(1.0)
    assert np.log(weights[1] / weights[0]) == pytest.approx(-0.3)
    assert np.log(weights[2] / weights[0]) == pytest.approx(0.7)
