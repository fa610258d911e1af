"""The closed loop: reasons to end, and going on after it was killed anywhere."""

import json
from dataclasses import replace

import pytest
from proxy_studies import write_study

from bayeslaw.data.losses import read_runs
from bayeslaw.design.closed_loop import RECORD, Steps, run_loop
from bayeslaw.design.plan import NextRun, NextRuns
from bayeslaw.errors import FailedChecksError
from bayeslaw.proxy.execution.growth import AddedRun, add_runs
from bayeslaw.proxy.study.study_file import expand, read_study

SLOW = pytest.mark.slow
RUN = NextRun(
    proxy="a",
    N=1e4,
    tokens=(512.0,),
    mixture={"germanic": 0.7, "indic": 0.3},
    seed=0,
    cost=100.0,
    gain=1e-4,
    family="indic",
    family_share=0.8,
    parameter="log_gamma of indic",
    sd_now=0.3,
    sd_then=0.2,
)
PLAN = NextRuns(
    families=("germanic", "indic"),
    N=1e5,
    D=1e6,
    origin="measured",
    ratios={"germanic": 0.6, "indic": 0.4},
    runs=(RUN,),
    regret=1e-3,
    regret_then=5e-4,
    budget=1000.0,
    cost=100.0,
    candidates=10,
    stop=None,
    tolerance=1e-4,
    worth=1e9,
    failed_checks=(),
    warnings=("residual trend: the inputs explain 60%",),
    table_sha256="",
)


class Laboratory:
    """Steps that train nothing, and die where they are told to."""

    def __init__(self, study, last_round=3, dies_at=None):
        self.study, self.last_round, self.dies_at = study, last_round, dies_at
        self.budgets, self.calls = [], 0

    def _step(self):
        self.calls += 1
        if self.calls == self.dies_at:
            raise KeyboardInterrupt

    def train(self):
        self._step()

    def choose(self, left, number):
        self._step()
        self.budgets.append(left)
        if number > self.last_round:
            return replace(PLAN, runs=(), cost=0.0, stop="settled")
        share = round(0.5 + number / 100, 4)
        mixture = {"germanic": share, "indic": round(1 - share, 4)}
        return replace(PLAN, runs=(replace(RUN, mixture=mixture),))

    def add(self, chosen):
        self._step()
        runs = [
            AddedRun(run.proxy, run.mixture, tuple(map(int, run.tokens)), run.seed)
            for run in chosen.runs
        ]
        add_runs(self.study, runs, self.study)

    def run(self, **options):
        steps = Steps(self.train, self.choose, self.add)
        return run_loop(self.study, steps, **{"budget": 1000, "rounds": 20} | options)


def names(study):
    return [run.run for run in expand(read_study(study))]


def test_a_loop_goes_on_until_it_is_settled(tmp_path):
    study = write_study(tmp_path)
    laboratory = Laboratory(study)
    ended = laboratory.run()
    assert ended.reason == "settled"
    assert ended.spent == 300
    # A sixteenth of the budget, then as much as was spent before.
    assert laboratory.budgets == [62.5, 100, 200, 300]
    assert [one.number for one in ended.rounds] == [1, 2, 3, 4]
    assert len(names(study)) == 4
    json.dumps(ended.to_dict())


def test_a_round_that_pays_no_run_may_spend_all_that_is_left(tmp_path):
    laboratory = Laboratory(write_study(tmp_path), last_round=1)
    choose = laboratory.choose

    def dear(left, number):
        if left < 500:
            laboratory.budgets.append(left)
            return replace(PLAN, runs=(), stop="unaffordable")
        return choose(left, number)

    laboratory.choose = dear
    ended = laboratory.run()
    assert laboratory.budgets == [62.5, 1000, 100, 900]
    assert (ended.reason, ended.spent) == ("settled", 100)


def test_rounds_and_failed_checks_end_it_too(tmp_path):
    ended = Laboratory(write_study(tmp_path)).run(rounds=2)
    assert (ended.reason, len(ended.rounds), ended.spent) == ("rounds", 2, 200)

    def failing(left, number):
        raise FailedChecksError("R-hat 1.2")

    laboratory = Laboratory(write_study(tmp_path / "other"))
    laboratory.choose = failing
    ended = laboratory.run()
    assert (ended.reason, ended.message) == ("failed checks", "R-hat 1.2")


# A round has three steps.
@pytest.mark.parametrize(
    "dies_at", [*range(1, 6), *(pytest.param(i, marks=SLOW) for i in range(6, 12))]
)
def test_a_loop_that_was_killed_ends_as_one_that_was_not(tmp_path, dies_at):
    whole = write_study(tmp_path / "whole")
    Laboratory(whole).run()
    study = write_study(tmp_path / "killed")
    with pytest.raises(KeyboardInterrupt):
        Laboratory(study, dies_at=dies_at).run()
    ended = Laboratory(study).run()
    assert study.read_text() == whole.read_text()
    records = [path.parent / "out" / "loop" / RECORD for path in (study, whole)]
    chosen = [
        [json.loads(line)["chosen"] for line in record.read_text().splitlines()]
        for record in records
    ]
    assert chosen[0] == chosen[1]
    assert ended.spent == 300


@pytest.mark.slow
def test_a_real_loop_trains_what_it_chose(tmp_path, bayeslaw_command):
    """Two sizes of the smallest proxies, two families, two rounds."""
    study = write_study(tmp_path, mixtures=("even", "some"), tokens=(1024, 2048, 4096))
    text = study.read_text().replace(
        "a = { depth = 1 }", "a = { depth = 1 }\nb = { depth = 2 }"
    )
    study.write_text(text.replace('proxies = ["a"]', 'proxies = ["a", "b"]'))
    words = ("loop", study, "--model", "models/he2024_partial_pooling.toml")
    words += ("--params", 1e6, "--tokens", 1e6, "--budget", 1e13, "--runs", 2)
    words += ("--tolerance", 0, "--exchange", "inf", "--allow-failed-checks")
    status, out, err = bayeslaw_command(*words, "--rounds", 2)
    assert status == 0, err
    assert "Stopped after 2 rounds" in out
    table = tmp_path / "observations.csv"
    assert len(read_runs(table).runs) == 4 + 4
    # Nothing is left to do, and nothing is done again.
    before = table.read_bytes()
    status, out, _ = bayeslaw_command(*words, "--rounds", 2)
    assert status == 0
    assert table.read_bytes() == before
