"""From table and spec to the arrays and the density NUTS sees."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.infer.util import log_density
from scipy import stats

from bayeslaw.errors import InputError
from bayeslaw.model import arrange, program, select_rows
from bayeslaw.runs import table_from_rows
from tests.helpers import changed_spec, small_spec, small_study


@pytest.fixture(autouse=True)
def _double_precision():
    with jax.enable_x64(True):
        yield


def rows_of(table):
    names = [name for name in table.columns if table.columns[name].dtype.kind != "O"]
    words = ["run", "family", "schedule", "metric", "unit", "origin"]
    return [
        {name: table.columns[name][i] for name in [*names, *words]}
        | {"mixture": dict(table.mixtures[table.columns["run"][i]])}
        for i in range(len(table))
    ]


def test_every_row_lands_in_its_cell_and_group_and_nowhere_else():
    table, _ = small_study()
    data, layout = arrange(table, small_spec())
    assert int(data.observed.sum()) == len(table)
    for name in ("N", "D", "p"):
        value = layout.reference[name] * np.exp(data.inputs[name])
        got = np.asarray(value)[layout.cell, layout.group]
        np.testing.assert_allclose(got, table.columns[name], rtol=1e-12)
    got = np.exp(np.asarray(data.log_value))[layout.cell, layout.group]
    np.testing.assert_allclose(got, table.columns["value"], rtol=1e-12)
    runs = np.array(layout.runs)[np.asarray(data.run)[layout.cell]]
    assert runs.tolist() == table.columns["run"].tolist()


def test_the_order_of_the_rows_does_not_change_the_density():
    table, _ = small_study()
    rows = rows_of(table)
    shuffled = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]
    # Families keep their columns: the first rows name them in the same order.
    shuffled.sort(key=lambda row: row["run"] != rows[0]["run"])
    shuffled[:3] = sorted(shuffled[:3], key=lambda row: row["family"])
    again = table_from_rows(shuffled)
    values = {
        "level_mean": 1.0,
        "level_sd": 0.2,
        "sigma": jnp.full(3, 0.01),
        "nu": 5.0,
        "run_sd": 0.01,
    }
    densities = []
    for one in (table, again):
        data, layout = arrange(one, small_spec())
        order = np.argsort(layout.groups)
        level = jnp.asarray([1.0, 1.1, 0.9])[np.argsort(order)]
        densities.append(log_likelihood(small_spec(), data, values | {"level": level}))
    assert densities[0] == pytest.approx(densities[1], rel=1e-12)


def log_likelihood(spec, data, values):
    """Log likelihood at given sites; those not given are .5 (means, sds) or 0."""
    n_groups = data.log_value.shape[1]
    sites = {"run_effect_sampled": jnp.zeros(data.run_exists.shape)}
    for name, coordinate in spec.law_record.coordinates.items():
        sites[f"{name}_sd"] = 0.5
        sites[f"{name}_mean{'_sampled' if coordinate.shift else ''}"] = 0.5
        local = name if coordinate.centred else f"{name}_sampled"
        sites[local] = jnp.zeros(n_groups)
    sites = jax.tree.map(jnp.asarray, sites | values)
    _, trace = log_density(program, (spec, data), {}, sites)
    site = trace["log_value"]
    return float(site["fn"].log_prob(site["value"]).sum())


def test_the_likelihood_is_student_t_of_the_law_with_known_and_unknown_noise():
    table, _ = small_study()
    spec = small_spec()
    data, layout = arrange(table, spec)
    sigma, nu, run_sd = np.array([0.01, 0.02, 0.03]), 4.0, 0.02
    effect = np.linspace(-1, 1, len(data.run_exists))
    got = log_likelihood(
        spec,
        data,
        {
            "level": jnp.full(3, 1.0),
            "sigma": jnp.asarray(sigma),
            "nu": nu,
            "run_sd": run_sd,
            "run_effect_sampled": jnp.asarray(effect),
        },
    )
    # Both odds are .5; the elasticity alpha w is exp(.5), so alpha is exp(.5) / w.
    log_total = np.log(1 + 2 * np.exp(0.5))
    rate = np.exp(0.5 - (0.5 - log_total))
    columns = table.columns
    x = {k: np.log(columns[k] / layout.reference[k]) for k in ("N", "D", "p")}
    mean = (
        1.0
        - log_total
        + np.log(1 + np.exp(0.5 - rate * x["N"]) + np.exp(0.5 - rate * x["D"]))
        - np.exp(0.0) * x["p"]
        + run_sd * effect[np.asarray(data.run)[layout.cell]]
    )
    scale = np.hypot(columns["se"] / columns["value"], sigma[layout.group])
    wanted = stats.t.logpdf(np.log(columns["value"]), nu, mean, scale).sum()
    assert got == pytest.approx(wanted, rel=1e-10)


def test_the_se_of_one_shared_held_out_set_is_no_noise_between_runs():
    table, _ = small_study()
    rows = rows_of(table)
    for row in rows:
        row["eval_set"] = "held-out" if row["family"] == "romance" else ""
    marked = table_from_rows(rows)
    data, layout = arrange(marked, small_spec())
    romance = layout.groups.index("romance")
    others = [i for i in range(3) if i != romance]
    assert np.all(np.asarray(data.log_se)[:, romance] == 0)
    assert np.asarray(data.log_se)[:, others].max() > 0
    np.testing.assert_allclose(layout.shared_se[romance], 0.002)
    assert np.all(layout.shared_se[others] == 0)
    independent = changed_spec(noise={"known_se": "independent"})
    assert np.all(arrange(marked, independent)[1].shared_se == 0)
    shared = changed_spec(noise={"known_se": "shared"})
    assert np.all(arrange(table, shared)[1].shared_se > 0)


def test_padding_and_gaps_do_not_count():
    table, _ = small_study()
    full, _ = arrange(table, small_spec())
    keep = np.ones(len(table), bool)
    keep[[4, 17]] = False
    holes, _ = arrange(table.select(keep, why="test"), small_spec())
    assert int(holes.observed.sum()) == len(table) - 2
    assert full.log_value.shape[0] % 32 == 0


def test_tables_of_similar_size_share_their_shapes():
    table, _ = small_study()
    runs = table.columns["run"]
    fewer = table.select(runs != runs[-1], why="test")
    shapes = [
        jax.tree.map(jnp.shape, arrange(one, small_spec())[0]) for one in (table, fewer)
    ]
    assert shapes[0] == shapes[1]


def test_rows_outside_the_model_are_left_out_and_named():
    table, _ = small_study()
    rows = rows_of(table)
    for row in rows[:6]:
        row["schedule"] = "trunk"
    selected = select_rows(table_from_rows(rows), small_spec())
    assert len(selected) == len(table) - 6
    assert any("excluded 6 of" in note and "cooled" in note for note in selected.notes)


def test_a_spec_that_describes_no_row_is_refused():
    table, _ = small_study()
    spec = small_spec()
    other = spec.model_copy(
        update={"selection": spec.selection.model_copy(update={"metric": "bleu"})}
    )
    with pytest.raises(InputError, match=r"no row left[\s\S]*metric = bleu"):
        select_rows(table, other)
