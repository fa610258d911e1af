"""Which runs come next: gains against brute force, budgets, reasons, files."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from helpers import rival_posterior, small_posterior, small_study
from proxy_studies import write_study

from bayeslaw.cli.loop import show_ended
from bayeslaw.data.losses import read_runs, write_runs
from bayeslaw.decisions.constraints import FREE, Constraints
from bayeslaw.decisions.target import Target
from bayeslaw.design import Costs, DesignSettings, NextRuns, next_runs
from bayeslaw.design.beliefs import Noise, beliefs_of
from bayeslaw.design.candidates import Cell, cells, mixtures, rounded
from bayeslaw.design.closed_loop import Ended, Round
from bayeslaw.design.history import history_of
from bayeslaw.design.outcomes import Outcomes, parameters_of
from bayeslaw.design.request import Appended, append_results
from bayeslaw.design.search import Search
from bayeslaw.errors import FailedChecksError, InputError
from bayeslaw.inference.posterior import Fitted, save_posterior
from bayeslaw.inference.prediction import predict

TARGET = {"N": 1e9, "D": 2e10}
# Small enough a tolerance that runs are worth looking for.
ANY = {"tolerance": 0.0, "exchange": np.inf}


def choose(
    budget, *, constraints=FREE, allow_failed_checks=False, target=TARGET, **settings
):
    """Runs for the small posterior, by settings of the choice."""
    return next_runs(
        small_posterior(),
        **target,
        budget=budget,
        constraints=constraints,
        settings=DesignSettings(**settings),
        allow_failed_checks=allow_failed_checks,
    )


RATIOS = np.array([[0.2, 0.3, 0.5], [0.6, 0.2, 0.2]])
SMALL, LARGE = Cell("a", 5e7, (1e9,), 1.0), Cell("b", 2.5e8, (1e9, 4e9), 1.0)


def target_of(posterior):
    return Target(posterior, 1e9, 2e10, None, normalised=False)


@pytest.fixture(scope="module")
def outcomes():
    return Outcomes(Fitted.of(small_posterior()), [SMALL, LARGE], RATIOS)


def beliefs_from(outcomes, posterior):
    drawn, _ = parameters_of(Fitted.of(posterior), outcomes.draws)
    return beliefs_of(target_of(posterior), outcomes.scores, outcomes.index, drawn)


@pytest.fixture(scope="module")
def beliefs(outcomes):
    return beliefs_from(outcomes, small_posterior())


@pytest.fixture(scope="module")
def chosen():
    return choose(1e20, runs=5, **ANY)


def losses_of(outcomes, cell, i):
    """Draws of the log losses of a run, less their means, families first."""
    loadings = outcomes.loadings(cell)[i]
    found = np.einsum("klp,skp->skl", loadings, outcomes.scores[:, outcomes.index])
    return found.reshape(len(found), -1)


@pytest.mark.parametrize("make", [small_posterior, rival_posterior])
def test_components_give_the_predicted_losses_of_every_draw(make):
    posterior = make()
    outcomes = Outcomes(Fitted.of(posterior), [SMALL, LARGE], RATIOS)
    for i, D in enumerate(LARGE.tokens):
        exact = np.log(predict(posterior, N=LARGE.N, D=D, p=RATIOS))
        exact = exact - exact.mean(0)
        for j in range(len(RATIOS)):
            found = losses_of(outcomes, LARGE, j).reshape(len(exact), -1, 2)[..., i]
            error = np.abs(found - exact[:, j]).max(0)
            assert (error < 0.1 * exact[:, j].std(0)).all()


def test_the_regret_is_that_of_the_draws(beliefs):
    target = target_of(small_posterior())
    best, action = target.best_per_draw().ratios, target.best()
    regret = (target.loss(action) / target.loss(best) - 1).mean()
    assert beliefs.regret == pytest.approx(regret)
    # Half the trace of curvature times covariance, to second order.
    quadratic = np.trace(target.curvature(action) @ np.cov(best.T)) / 2
    assert quadratic / target.loss(action).mean() == pytest.approx(regret, rel=0.15)


@pytest.mark.parametrize("cell", [SMALL, LARGE])
def test_what_a_run_takes_away_is_what_regression_on_its_losses_explains(
    outcomes, beliefs, cell
):
    losses = losses_of(outcomes, cell, 0)
    noise = outcomes.noise.of_run(outcomes.log_ratio[0], len(cell.tokens))
    target = target_of(small_posterior())
    values, vectors = np.linalg.eigh(target.curvature(target.best()))
    choice = target.best_per_draw().ratios @ (vectors * np.sqrt(values)) @ vectors.T
    choice = choice - choice.mean(0)
    n = len(choice) - 1
    explained = losses.T @ choice / n
    covariance = losses.T @ losses / n + noise
    wanted = (explained * np.linalg.solve(covariance, explained)).sum(0)
    loadings = outcomes.loadings(cell)[0]
    found = beliefs.reduction(loadings, outcomes.noise, outcomes.log_ratio[0])
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    after = beliefs.after(loadings, outcomes.noise, outcomes.log_ratio[0])
    np.testing.assert_allclose(beliefs.spread - after.spread, found, rtol=1e-9)
    assert after.regret < beliefs.regret


def test_two_runs_at_once_are_as_good_as_one_after_the_other(outcomes, beliefs):
    apart = Noise(outcomes.noise.variance, outcomes.noise.known, 0.0)
    loadings, log_ratio = outcomes.loadings(SMALL), outcomes.log_ratio
    both = np.concatenate([beliefs.outcome(one)[0] for one in loadings], axis=1)
    losses = np.concatenate([losses_of(outcomes, SMALL, i) for i in (0, 1)], axis=1)
    own = np.cov(losses.T) + np.diag(apart.of_rows(log_ratio).ravel())
    wanted = beliefs.covariance - both @ np.linalg.solve(own, both.T)
    found = beliefs.after(loadings[0], apart, log_ratio[0])
    found = found.after(loadings[1], apart, log_ratio[1])
    np.testing.assert_allclose(found.covariance, wanted, atol=1e-8)


def test_a_run_without_noise_leaves_nothing_to_learn_from_it_again(outcomes, beliefs):
    loadings, log_ratio = outcomes.loadings(LARGE)[0], outcomes.log_ratio[0]
    exact = Noise(1e-9 * outcomes.noise.variance, 0 * outcomes.noise.known, 0.0)
    after = beliefs.after(loadings, exact, log_ratio)
    again = after.reduction(loadings, exact, log_ratio).sum()
    assert again < 1e-3 * beliefs.reduction(loadings, exact, log_ratio).sum()


def test_a_quick_look_ranks_runs_as_the_exact_gain_does():
    tried = mixtures(
        np.array([0.3, 0.3, 0.4]), np.zeros((0, 3)), DesignSettings(max_mixtures=64)
    )
    outcomes = Outcomes(Fitted.of(small_posterior()), [LARGE], tried)
    beliefs = beliefs_from(outcomes, small_posterior())
    loadings, log_ratio = outcomes.loadings(LARGE), outcomes.log_ratio
    quick = beliefs.quick_gains(loadings, outcomes.noise, log_ratio)
    exact = [
        beliefs.scale * beliefs.reduction(one, outcomes.noise, ratio).sum()
        for one, ratio in zip(loadings, log_ratio, strict=True)
    ]
    assert np.corrcoef(quick, exact)[0, 1] > 0.9


def test_runs_stay_within_the_budget_and_say_what_they_are_for(chosen):
    assert chosen.stop is None
    assert 1 <= len(chosen.runs) <= 5
    assert chosen.cost == pytest.approx(sum(run.cost for run in chosen.runs))
    assert chosen.cost <= chosen.budget
    gains = sum(run.gain for run in chosen.runs)
    assert chosen.regret - chosen.regret_then == pytest.approx(gains)
    for run in chosen.runs:
        assert run.cost == 6 * run.N * run.tokens[-1]
        assert sum(run.mixture.values()) == pytest.approx(1, abs=1e-9)
        assert min(run.mixture.values()) >= 0.0099
        assert 0 < run.sd_then < run.sd_now
        assert run.family in chosen.families


def search_of(posterior, budget, count=256, **options):
    """Everything that could be run, and a search through it."""
    tried = history_of(Fitted.of(posterior))
    possible = cells(tried.sizes, tried.tokens, Costs())
    ratios = mixtures(
        target_of(posterior).best(), tried.mixtures, DesignSettings(max_mixtures=count)
    )
    outcomes = Outcomes(Fitted.of(posterior), possible, ratios)
    now = beliefs_from(outcomes, posterior)
    settings = DesignSettings(**{"anchor": 0.0, "tolerance": 0.0} | options)
    return Search(now, outcomes, budget, settings), possible, ratios


def test_chosen_runs_leave_less_regret_than_runs_by_chance(chosen):
    search, possible, ratios = search_of(small_posterior(), budget=1e20, runs=5)
    rng = np.random.default_rng(0)
    for _ in range(20):
        after = search.now
        for _ in range(5):
            cell = possible[rng.integers(len(possible))]
            i = rng.integers(len(ratios))
            after = after.after(
                search.outcomes.loadings(cell)[i],
                search.outcomes.noise,
                search.outcomes.log_ratio[i],
            )
        assert after.regret > chosen.regret_then


def test_the_anchor_is_as_large_as_its_share_pays():
    found = choose(2e19, **ANY, anchor=0.1)
    anchor = found.runs[0]
    assert anchor.is_anchor
    assert anchor.N == 2.5e8
    assert anchor.cost <= 2e18
    none = choose(2e19, **ANY, anchor=0.0)
    assert not any(run.is_anchor for run in none.runs)


def test_a_floor_on_sizes_and_forks_are_kept():
    found = choose(
        1e20,
        runs=3,
        **ANY,
        min_N=1e8,
        costs=Costs(overhead=1e15, cooldown=0.25),
    )
    assert {run.N for run in found.runs} == {2.5e8}
    for run in found.runs:
        assert run.tokens in ((1e9,), (1e9, 4e9))
        trained = run.tokens[-1] + 0.25 * sum(run.tokens[:-1])
        assert run.cost == pytest.approx(6 * run.N * trained + 1e15)


def test_a_run_that_was_made_gets_its_next_seed(chosen):
    history = history_of(Fitted.of(small_posterior()))
    N, mixture, _ = history.made[0]
    taken = [
        seed for size, ratios, seed in history.made if (size, ratios) == (N, mixture)
    ]
    assert history.next_seed(N, mixture) == max(taken) + 1
    assert history.next_seed(2 * N, mixture) == 0


@pytest.mark.parametrize(
    ("options", "stop", "said"),
    [
        ({"tolerance": 0.5}, "settled", "cannot improve"),
        ({"tolerance": 0.0, "exchange": 1e-12}, "not worth it", "would cost"),
        ({"tolerance": 0.0, "budget": 1e10}, "unaffordable", "cheapest costs"),
    ],
)
def test_there_are_three_reasons_to_stop(options, stop, said):
    found = choose(**{"budget": 1e19} | options)
    assert found.stop == stop
    assert found.runs == ()
    assert any(said in line for line in found.sentences())


@pytest.mark.parametrize(
    "options",
    [
        {"budget": 0.0},
        {"runs": 0},
        {"anchor": 1.0},
        {"min_share": 0.0},
        {"exchange": 0.0},
        {"min_N": 1e12},
        {"tokens": [-1.0]},
        {"target": {"N": 0.0, "D": 1e9}},
    ],
)
def test_what_makes_no_sense_is_refused(options):
    with pytest.raises(InputError):
        choose(**{"budget": 1e19} | options)


def test_mixtures_stay_out_of_corners_even_those_tried():
    tried = np.array([[0.9, 0.06, 0.04], [0.5, 0.3, 0.2]])
    looks = DesignSettings(min_share=0.05)
    found = mixtures(np.array([0.6, 0.3, 0.1]), tried, looks)
    assert found.min() >= 0.05 / 1.15 - 1e-4
    assert [0.5, 0.3, 0.2] in found.tolist()
    assert [0.9, 0.06, 0.04] not in found.tolist()


def test_mixtures_are_different_rounded_and_inside(chosen):
    tried = np.array([[0.2, 0.3, 0.5]])
    found = mixtures(
        np.array([0.6, 0.395, 0.005]), tried, DesignSettings(max_mixtures=100)
    )
    assert len(np.unique(found, axis=0)) == len(found)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-12)
    assert found.min() >= 0.009
    assert (found[0] == tried[0]).all()
    assert rounded(np.array([[1 / 3, 1 / 3, 1 / 3]])).sum() == 1


def test_what_the_checks_warn_of_stands_before_the_advice(chosen, capsys):
    warned = replace(chosen, warnings=("residual trend: the inputs explain 60%",))
    assert warned.sentences()[0].startswith("Warning (residual trend): ")
    last = Round(1, 0.0, replace(warned, runs=(), stop="settled").to_dict())
    show_ended(Ended("settled", (last,), 0.0), as_json=False)
    assert "Warning (residual trend" in capsys.readouterr().out


def test_a_record_survives_json(chosen):
    again = NextRuns.from_dict(json.loads(json.dumps(chosen.to_dict())))
    assert again == chosen


def test_a_ratio_that_is_given_needs_no_runs():
    free = choose(1e18, **ANY)
    fixed = Constraints(lower={"slavic": 0.3}, upper={"slavic": 0.3})
    bound = choose(1e18, constraints=fixed, **ANY)
    assert bound.ratios["slavic"] == pytest.approx(0.3)
    assert bound.regret < free.regret
    assert not any(run.family == "slavic" for run in bound.runs)


def test_a_frugal_list_is_cheaper_and_leaves_more_regret():
    options = {"count": 32, "budget": 1e20, "runs": 3}
    frugal, possible, ratios = search_of(small_posterior(), **options, is_frugal=True)
    whole, _, _ = search_of(small_posterior(), **options)
    cheap, _ = frugal.best(frugal.pool(possible, ratios))
    dear, _ = whole.best(whole.pool(possible, ratios))
    assert sum(o.cell.cost for o in cheap) < sum(o.cell.cost for o in dear)
    assert whole.after(dear).regret < frugal.after(cheap).regret


def test_the_request_can_be_filled_in_and_appended(tmp_path, bayeslaw_command):
    save_posterior(small_posterior(), tmp_path / "post.nc")
    table = tmp_path / "table.csv"
    write_runs(small_study()[0], table)
    ask = tmp_path / "ask.csv"
    words = ("--params", 1e9, "--tokens", 2e10, "--budget", 1e19, "--runs", 2)
    words += ("--tolerance", 0, "--exchange", "inf", "-o", ask)
    status, out, _ = bayeslaw_command("next", tmp_path / "post.nc", *words)
    assert status == 0
    assert "of the gain" in out
    status, _, err = bayeslaw_command("append", table, ask)
    assert status == 1
    assert "value" in err
    rows = list(csv.DictReader(ask.read_text().splitlines()))
    for row in rows:
        row |= {"value": 2.5, "origin": "simulated"}
    with ask.open("w") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    before = len(read_runs(table))
    status, out, _ = bayeslaw_command("append", table, ask, "--json")
    assert json.loads(out) == {"rows": len(rows), "same": 0, "left_out": ["proxy"]}
    assert len(read_runs(table)) == before + len(rows)
    assert append_results(table, ask) == Appended(0, len(rows), ())
    ask.write_text(ask.read_text().replace("2.5,", "2.6,"))
    with pytest.raises(InputError, match="another value"):
        append_results(table, ask)


def test_a_study_with_the_chosen_runs_can_be_trained(tmp_path, bayeslaw_command):
    """The study has other families than the posterior: said before it is written."""
    save_posterior(small_posterior(), tmp_path / "post.nc")
    study = write_study(tmp_path)
    words = ("--params", 1e9, "--tokens", 2e10, "--budget", 1e19, "--study", study)
    words += ("--tolerance", 0, "--exchange", "inf")
    status, _, err = bayeslaw_command(
        "next", tmp_path / "post.nc", *words, "-o", tmp_path / "more.toml"
    )
    assert status == 1
    assert "families" in err or "mixture" in err
    assert not (tmp_path / "more.toml").exists()
    status, _, err = bayeslaw_command(
        "next", tmp_path / "post.nc", *words, "-o", tmp_path / "other" / "more.toml"
    )
    assert status == 1
    assert "folder of the study" in err


def test_options_that_are_missing_are_named(tmp_path, bayeslaw_command):
    save_posterior(small_posterior(), tmp_path / "post.nc")
    status, _, err = bayeslaw_command("next", tmp_path / "post.nc", "--params", 1e9)
    assert status == 1
    assert "--tokens, --budget" in err


def test_a_failed_check_blocks_the_choice(monkeypatch):
    from bayeslaw.checks import diagnostics

    monkeypatch.setattr(diagnostics, "MAX_RHAT", 0.5)
    with pytest.raises(FailedChecksError):
        choose(1e19)
    found = choose(1e19, allow_failed_checks=True)
    assert "FAILED CHECKS" in found.sentences()[0]
