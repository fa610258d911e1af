"""From table and spec to the arrays of the likelihood."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import changed_spec, rows_of, small_spec, small_study

from bayeslaw.data.losses import table_from_rows
from bayeslaw.errors import InputError
from bayeslaw.model.padded_arrays import arrange, select_rows
from bayeslaw.model.spec import read_spec


@pytest.fixture(autouse=True)
def _double_precision():
    with jax.enable_x64(True):
        yield


def test_every_row_lands_in_its_cell_and_group_and_nowhere_else():
    table, _ = small_study()
    data, layout = arrange(table, small_spec())
    assert int(data.observed.sum()) == len(table)
    for name in ("N", "D", "p"):
        value = layout.reference[name] * np.exp(data.inputs[name])
        got = np.asarray(value)[layout.group, layout.cell]
        np.testing.assert_allclose(got, table.columns[name], rtol=1e-12)
    got = np.exp(np.asarray(data.log_value))[layout.group, layout.cell]
    np.testing.assert_allclose(got, table.columns["value"], rtol=1e-12)
    runs = np.array(layout.runs)[np.asarray(data.run)[layout.cell]]
    assert runs.tolist() == table.columns["run"].tolist()


def test_cells_lie_by_checkpoint_and_run_also_where_runs_differ_in_length():
    table, _ = small_study()
    runs, tokens = table.columns["run"], table.columns["D"]
    keep = (runs != runs[0]) | (tokens == tokens.min())
    data, layout = arrange(table.select(keep, why="test"), small_spec())
    n_runs = len(data.run_exists)
    np.testing.assert_array_equal(data.run, np.arange(len(data.run)) % n_runs)
    rows = np.asarray(data.observed).reshape(3, -1, n_runs).sum((0, 1))
    assert rows[0] == 3
    assert set(rows[1 : len(layout.runs)]) == {3 * len(set(tokens))}
    assert np.all(rows[len(layout.runs) :] == 0)


def test_the_se_of_one_shared_held_out_set_is_no_noise_between_runs():
    table, _ = small_study()
    rows = rows_of(table)
    for row in rows:
        row["eval_set"] = "held-out" if row["family"] == "romance" else ""
    marked = table_from_rows(rows)
    data, layout = arrange(marked, small_spec())
    romance = layout.groups.index("romance")
    others = [i for i in range(3) if i != romance]
    assert np.all(np.asarray(data.log_se)[romance] == 0)
    assert np.asarray(data.log_se)[others].max() > 0
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
    assert full.log_value.shape[1] % 8 == 0


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
        update={"rows": spec.rows.model_copy(update={"metric": "bleu"})}
    )
    with pytest.raises(InputError, match=r"no rows left[\s\S]*metric = bleu"):
        select_rows(table, other)


def test_extensions_bring_the_columns_they_need():
    table, _ = small_study()
    rows = rows_of(table)
    for i, row in enumerate(rows):
        row["unique_tokens"] = {"germanic": 1e9, "romance": 2e8}.get(row["family"])
        row["schedule"] = "trunk" if row["D"] == 1e9 and i % 2 else "cooled"
    extensions = {"repetition": True, "trunk_offset": True, "transfer": True}
    spec = changed_spec(extensions=extensions, rows={"schedule": "any"})
    marked = table_from_rows(rows)
    data, layout = arrange(marked, spec)
    columns = marked.columns
    at = (layout.group, layout.cell)
    trunk = np.asarray(data.inputs["trunk"])[at]
    np.testing.assert_array_equal(trunk, columns["schedule"] == "trunk")
    # Families whose distinct tokens nobody counted are taken as seen less than once.
    epochs = columns["p"] * columns["D"] / columns["unique_tokens"]
    np.testing.assert_allclose(
        np.asarray(data.inputs["epochs"])[at], np.nan_to_num(epochs)
    )
    assert "p" not in data.inputs
    mixture = np.asarray(data.inputs["mixture"]).T[layout.cell]
    own = np.asarray(data.inputs["own"])[layout.group]
    np.testing.assert_allclose(mixture[own], columns["p"])
    np.testing.assert_allclose(mixture.sum(1), 1)


def test_a_source_without_a_loss_of_its_own_still_transfers():
    table, _ = small_study()
    rows = [row for row in rows_of(table) if row["family"] != "romance"]
    spec = changed_spec(extensions={"transfer": True})
    data, layout = arrange(table_from_rows(rows), spec)
    assert layout.groups == ("germanic", "slavic")
    assert layout.sources == ("germanic", "slavic", "romance")
    np.testing.assert_array_equal(data.inputs["own"], np.eye(2, 3, dtype=bool))
    np.testing.assert_allclose(data.inputs["mixture"].sum(0), 1)


def test_ratios_of_zero_are_rows_of_transfer_and_left_out_elsewhere():
    table, _ = small_study()
    rows = rows_of(table)
    for row in rows:
        if row["run"] == rows[0]["run"]:
            row["mixture"] = {"germanic": 0.0, "romance": 0.5, "slavic": 0.5}
            row["p"] = row["mixture"][row["family"]]
    zeros = table_from_rows(rows)
    without = select_rows(zeros, small_spec())
    assert len(without) == len(table) - 2
    assert any("p > 0" in note for note in without.notes)
    spec = changed_spec(extensions={"transfer": True})
    kept = select_rows(zeros, spec)
    assert len(kept) == len(table)
    data, _ = arrange(kept, spec)
    assert np.isfinite(data.log_ratio).all()
    assert all(np.isfinite(values).all() for values in data.inputs.values())


def test_repetition_without_distinct_tokens_is_refused():
    spec = changed_spec(extensions={"repetition": True})
    with pytest.raises(
        InputError, match="repetition needs the number of distinct tokens"
    ):
        arrange(small_study()[0], spec)


def test_a_law_with_ratios_refuses_a_table_without():
    table, _ = small_study()
    bare = replace(
        table, columns={**table.columns, "p": np.full(len(table), np.nan)}, mixtures={}
    )
    with pytest.raises(InputError, match="law needs sampling ratios"):
        select_rows(bare, small_spec())
    chinchilla = read_spec("models/chinchilla.toml")
    data, layout = arrange(select_rows(bare, chinchilla), chinchilla)
    assert set(layout.reference) == set(data.inputs) == {"N", "D"}
    assert np.all(data.log_ratio == 0)
