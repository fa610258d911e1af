"""Comparison of models: scores, weights, what is scored and what is refused."""

import json
from functools import cache
from unittest.mock import patch

import jax
import numpy as np
import pytest
import xarray as xr
from helpers import assert_five_parts, changed_spec
from scipy import stats
from scipy.special import logsumexp

from bayeslaw.cli.compare import print_comparison, print_sensitivity
from bayeslaw.data.losses import RunTable, write_runs
from bayeslaw.errors import InputError
from bayeslaw.evaluation.comparison import compare
from bayeslaw.evaluation.elpd import paired_scores, stacking_weights
from bayeslaw.evaluation.fitted_models import (
    fitted_model,
    largest_runs,
    scored,
    shared_rows,
)
from bayeslaw.evaluation.held_out import leave_one_run_out, max_pareto_k, refit_without
from bayeslaw.evaluation.sensitivity import (
    ModelDecision,
    Sensitivity,
    decision_sensitivity,
)
from bayeslaw.evaluation.simulation import simulate
from bayeslaw.inference.density import needed_draws
from bayeslaw.inference.fitting import fit
from bayeslaw.inference.posterior import save_posterior
from bayeslaw.inference.sampler import Draws, SamplerSettings
from bayeslaw.model.padded_arrays import arrange

FAMILIES = ("germanic", "romance", "slavic")
SETTINGS = SamplerSettings(chains=2, warmup=50, draws=200)
TRUTH = {"sigma": 0.01, "run_sd": 0.005, "nu": 8.0}
JITTER = 0.002


HYPER = ("mean", "sd")


@cache
def study() -> tuple[RunTable, dict]:
    return simulate(
        changed_spec(),
        seed=3,
        families=FAMILIES,
        sizes=(1e7, 5e7, 2.5e8),
        tokens=(1e9, 4e9),
        n_mixtures=4,
        parameters=TRUTH,
    )


def drawn_near_truth(shift: float):
    """A stand-in for the sampler: draws around the truth, the level off by a shift."""

    def sample(spec, data, key, settings, report=None) -> Draws:
        table, truth = study()
        with jax.enable_x64(True):
            reference = arrange(table, spec)[1].reference["p"]
        log_ratio = np.log(reference / truth["reference"]["p"])
        level = np.array(truth["level"]) - np.exp(truth["log_gamma"]) * log_ratio
        batch = np.shape(key)
        shape = (*batch, settings.chains, settings.draws)
        rng = np.random.default_rng(0)
        values = {}
        law = spec.law_record
        hyper = [f"{name}_{part}" for name in law.coordinates for part in HYPER]
        for name in (*needed_draws(spec), *hyper):
            middle = np.asarray(truth[name] if name in truth else TRUTH[name])
            middle = level + shift if name == "level" else middle
            values[name] = middle * np.exp(
                JITTER * rng.normal(size=(*shape, *middle.shape))
            )
        values["run_effect"] = 1e-3 * rng.normal(size=(*shape, data.run_exists.size))
        statistics = {
            "diverging": np.zeros(shape, bool),
            "energy": rng.normal(size=shape),
            "acceptance_rate": np.full(shape, 0.9),
            "n_steps": np.full(shape, 15),
        }
        per_chain = np.zeros((*batch, settings.chains))
        return Draws(values, statistics, per_chain + 0.1, per_chain)

    return sample


def posterior_of(name: str, shift: float = 0.0, **changes) -> xr.DataTree:
    spec = changed_spec(name=name, **changes)
    with patch("bayeslaw.inference.fitting.sample", drawn_near_truth(shift)):
        return fit(study()[0], spec, settings=SETTINGS)


@cache
def posteriors() -> dict[str, xr.DataTree]:
    return {"true": posterior_of("true"), "shifted": posterior_of("shifted", 0.05)}


@cache
def compared(max_refits: int | None = None):
    """A comparison whose refits draw near the truth, each model with its shift."""

    def sample(spec, data, key, settings, report=None) -> Draws:
        shift = 0.05 if spec.name == "shifted" else 0.0
        return drawn_near_truth(shift)(spec, data, key, settings)

    with patch("bayeslaw.evaluation.held_out.sample", sample):
        return compare(
            posteriors(), study()[0], settings=SETTINGS, max_refits=max_refits
        )


def test_differences_of_scores_pair_the_runs():
    density = np.array([[1.0, 2.0, 3.0], [0.5, 1.5, 2.5]])
    best, other = paired_scores(density)
    assert (best.total, best.mean, best.difference, best.difference_se) == (6, 2, 0, 0)
    assert best.se == pytest.approx(np.sqrt(3))
    # Each run differs by the same, so the difference is certain though totals are not.
    assert (other.difference, other.difference_se) == (-1.5, 0.0)
    assert other.se == pytest.approx(np.sqrt(3))


def test_a_model_that_predicts_every_run_better_gets_all_the_weight():
    density = np.array([[5.0, 700.0, -900.0], [4.0, 690.0, -950.0]])
    np.testing.assert_allclose(stacking_weights(density), [1.0, 0.0], atol=1e-6)


def test_stacking_weights_are_the_best_of_all_weights():
    density = np.random.default_rng(0).normal(size=(2, 40)) * 3
    weights = stacking_weights(density)

    def score(share):
        return logsumexp(density, axis=0, b=[[share], [1 - share]]).sum()

    shares = np.linspace(0.001, 0.999, 999)
    assert weights.sum() == pytest.approx(1.0)
    assert weights[0] == pytest.approx(max(shares, key=score), abs=2e-3)


@pytest.mark.slow
def test_the_model_that_made_the_data_wins_both_scores():
    comparison = compared()
    best, other = comparison.models
    assert (best.name, other.name) == ("true", "shifted")
    assert comparison.weights["true"] > 0.99
    for score in (other.one_out, other.largest):
        assert score.difference < -2 * score.difference_se < 0
    assert best.accuracy.rmse < 0.02 < 0.04 < other.accuracy.rmse
    assert best.accuracy.coverage[0.9] > 0.7 > other.accuracy.coverage[0.9]
    assert comparison.largest == "N = 2.5e+08"
    assert best.accuracy.rows == 6 * len(comparison.largest_runs)
    assert comparison.rows == len(study()[0])


def test_importance_sampling_finds_the_density_without_the_run():
    """One value a run, Normal around an unknown mean: the exact answer is known."""
    table, _ = study()
    one = fitted_model("true", posteriors()["true"], table)
    n_runs = len(one.layout.runs)
    value = np.random.default_rng(1).normal(size=n_runs)
    n_draws = SETTINGS.chains * SETTINGS.draws
    even = stats.norm.ppf((np.arange(n_draws) + 0.5) / n_draws)
    mean = value.mean() + np.random.default_rng(2).permutation(even) / np.sqrt(n_runs)
    density = stats.norm.logpdf(value[None], mean[:, None])
    with patch("bayeslaw.evaluation.held_out.run_log_density", lambda *_: density):
        found = leave_one_run_out(one, shared_rows([one]))
    others = (value.sum() - value) / (n_runs - 1)
    exact = stats.norm.logpdf(value, others, np.sqrt(1 + 1 / (n_runs - 1)))
    np.testing.assert_allclose(found.log_density, exact, atol=0.02)
    assert (found.pareto_k < max_pareto_k(one)).all()


@pytest.mark.slow
def test_runs_that_importance_sampling_cannot_leave_out_are_refitted():
    with patch("bayeslaw.evaluation.comparison.max_pareto_k", lambda one: -np.inf):
        comparison = compared(max_refits=2)
    runs = set(study()[0].runs)
    for model in comparison.models:
        assert len(model.refitted) == 2
        assert {*model.refitted, *model.not_refitted} == runs
        # Draws of refit and posterior are alike here, so are the densities.
        plain = next(m for m in compared().models if m.name == model.name)
        for run in model.refitted:
            assert model.by_run[run] == pytest.approx(plain.by_run[run], abs=1.5)
    assert any("unreliable for them" in note for note in comparison.notes)


def test_a_refit_sees_no_row_of_the_runs_left_out():
    table, _ = study()
    one = fitted_model("true", posteriors()["true"], table)
    seen = []

    def sample(spec, data, keys, settings, report):
        seen.append(data)
        return drawn_near_truth(0.0)(spec, data, keys, settings)

    groups = [[run] for run in table.runs[:11]]
    with patch("bayeslaw.evaluation.held_out.sample", sample):
        refits = refit_without(one, groups, SETTINGS, seed=0)
    # Eleven sets in two batches of one shape, the last filled by repetition.
    assert len(refits) == 11
    assert [data.observed.shape[0] for data in seen] == [6, 6]
    observed = np.concatenate([data.observed for data in seen])[:11]
    for i, left_out in enumerate(table.runs[:11]):
        rows = {
            one.layout.runs[r] for r in np.asarray(one.data.run)[observed[i].any(0)]
        }
        assert rows == set(table.runs) - {left_out}


@pytest.mark.slow
def test_models_are_scored_on_the_rows_that_all_of_them_describe():
    table, _ = study()
    one = fitted_model("true", posteriors()["true"], table)
    kept = table.select(table.columns["D"] > 2e9, why="fewer tokens")
    with patch("bayeslaw.inference.fitting.sample", drawn_near_truth(0.0)):
        other = fitted_model("part", fit(kept, one.spec, settings=SETTINGS), kept)
    rows = shared_rows([one, other])
    assert rows == set(other.keys)
    left = leave_one_run_out(one, rows).log_density
    everything = leave_one_run_out(one, shared_rows([one])).log_density
    assert (left < everything).all()  # half the rows, each with density above 1
    assert int(scored(one, rows).observed.sum()) == len(kept)


def test_the_largest_runs_are_those_of_the_largest_size_or_compute():
    table, _ = study()
    rows = shared_rows([fitted_model("true", posteriors()["true"], table)])
    runs, what = largest_runs(table, rows, "N")
    assert {run.split("-")[0] for run in runs} == {"N2.5e+08"}
    assert what == "N = 2.5e+08"
    runs, what = largest_runs(table, rows, "compute")
    assert runs
    assert "6 N D" in what
    small = {row for row in rows if row[1] == 1e7}
    with pytest.raises(InputError, match="no largest runs") as raised:
        largest_runs(table, small, "N")
    assert_five_parts(str(raised.value))


def test_a_posterior_of_another_table_is_refused():
    table, _ = study()
    other = table.select(table.columns["N"] > 2e7, why="larger only")
    with pytest.raises(InputError, match="fitted to another table") as raised:
        compare(posteriors(), other)
    assert_five_parts(str(raised.value))


def test_decisions_of_models_are_judged_by_each_other():
    trees = posteriors()
    comparison = compared()
    table = decision_sensitivity(trees, N=1e9, D=2e10, comparison=comparison)
    names = [model.name for model in table.models]
    assert names == ["true", "shifted", "stacked"]
    for model in table.models:
        assert sum(model.ratios.values()) == pytest.approx(1.0)
        for truth in trees:
            own = next(m for m in table.models if m.name == truth)
            # Under a model nothing beats its own decision.
            assert model.regret[truth] >= own.regret[truth] - 1e-9
    stacked, best = table.models[-1], table.models[0]
    # All weight is the true model's.
    for family in FAMILIES:
        assert stacked.ratios[family] == pytest.approx(best.ratios[family], abs=1e-3)


@pytest.mark.slow
def test_the_command_compares_and_prints_json_for_programs(tmp_path, bayeslaw_command):
    write_runs(study()[0], tmp_path / "table.csv")
    paths = []
    for name, tree in posteriors().items():
        paths.append(tmp_path / f"{name}.nc")
        save_posterior(tree, paths[-1])
    words = ("compare", *paths, "--table", tmp_path / "table.csv", "--json")
    with patch("bayeslaw.evaluation.held_out.sample", drawn_near_truth(0.0)):
        status, out, err = bayeslaw_command(*words, "--params", 1e9, "--tokens", 2e10)
    record = json.loads(out)
    assert (status, err) == (0, "")
    assert {model["name"] for model in record["models"]} == {"true", "shifted"}
    assert len(record["models"][0]["by_run"]) == len(study()[0].runs)
    decisions = [model["name"] for model in record["decisions"]["models"]]
    assert decisions == ["true", "shifted", "stacked"]


def test_what_is_printed_names_runs_rows_and_the_best_model(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    print_comparison(compared())
    print_sensitivity(decision_sensitivity(posteriors(), N=1e9, D=2e10))
    out = capsys.readouterr().out
    assert "Leave one run out: 90 simulated rows, 15 runs" in out
    assert "All runs of N = 2.5e+08 held out" in out
    best = next(line for line in out.splitlines() if line.startswith("true"))
    assert "best" in best
    assert "if shifted" in out
    # Nobody gave a comparison: all models count the same.
    assert sum("0.50" in line for line in out.splitlines()) == 2


def test_many_models_are_numbered_above_the_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    names = [f"model with number {k}" for k in range(1, 10)]
    ratios = {"germanic": 0.5, "slavic": 0.5}
    models = tuple(
        ModelDecision(name, 1 / 9, ratios, {}, {}, dict.fromkeys(names, 0.00123))
        for name in names
    )
    print_sensitivity(Sensitivity(models, 1e9, 2e10, False, 0.9))
    lines = capsys.readouterr().out.splitlines()
    (line,) = (line for line in lines if line.startswith("3 model"))
    assert line.split() == ["3", "model", "with", "number", "3", *["0.12"] * 9]
    assert any(line.split() == ["decision", "by", *"123456789"] for line in lines)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--params", "1e9"), "only one of --params and --tokens"),
        (("--table", "nowhere.csv"), "nowhere.csv"),
    ],
)
def test_wrong_words_are_answered_in_five_parts(
    tmp_path, bayeslaw_command, words, message
):
    path = tmp_path / "true.nc"
    save_posterior(posteriors()["true"], path)
    status, _, err = bayeslaw_command("compare", path, *words)
    assert status == 1
    assert message in err
    assert_five_parts(err)


def test_one_posterior_named_twice_is_refused(tmp_path, bayeslaw_command):
    path = tmp_path / "true.nc"
    save_posterior(posteriors()["true"], path)
    status, _, err = bayeslaw_command("compare", path, path)
    assert status == 1
    assert "two posteriors have the same name" in err
    assert_five_parts(err)
