"""`bayeslaw train`: its ways to train, to collect and to tell how far a study is."""

import json

import job_stand_ins
import pytest
from cluster_fixtures import slurm, worked_on
from helpers import assert_five_parts
from proxy_studies import write_study

from bayeslaw.proxy.study.run_folder import RunFolder
from bayeslaw.proxy.study.study_file import expand, read_study

__all__ = ["slurm", "worked_on"]  # fixtures


@pytest.fixture
def study(tmp_path):
    """The path of a study of two runs, and the folders of these."""
    path = write_study(tmp_path, mixtures=("even", "some"))
    return path, [RunFolder.of(tmp_path, spec) for spec in expand(read_study(path))]


def test_status_tells_counts_progress_and_failures(bayeslaw_command, study):
    path, runs = study
    for run, spec in zip(runs, expand(read_study(path)), strict=True):
        run.prepare(spec)
    runs[0].beat(704)
    runs[1].fail(kind="diverged", reason="loss is nan at step 8")
    status, out, err = bayeslaw_command("train", path, "--status")
    assert (status, err) == (0, "")
    assert "a-even-seed0  interrupted  704 of 1,408" in out
    assert "tiny: 2 runs: 1 interrupted, 1 failed." in out
    assert "0 of 16 rows in the table." in out
    assert "failed: a-some-seed0: loss is nan at step 8" in out
    status, out, _ = bayeslaw_command("train", path, "--status", "--json")
    record = json.loads(out)
    assert (status, record["rows"], record["counts"]["failed"]) == (0, 16, 1)
    assert record["runs"][0]["tokens_done"] == 704


def test_one_run_by_its_number_and_its_rows_by_collecting(
    bayeslaw_command, study, worked_on
):
    path, runs = study
    assert bayeslaw_command("train", path, "--index", 1) == (0, "run 1: finished\n", "")
    assert [run.is_finished for run in runs] == [False, True]
    status, out, _ = bayeslaw_command("train", path, "--collect", "--json")
    assert (status, json.loads(out)["rows_added"]) == (0, 1)
    assert json.loads(out)["unfinished"] == 1


def test_a_crash_of_one_run_is_an_exit_status_and_a_divergence_is_not(
    bayeslaw_command, study, worked_on
):
    path, runs = study
    runs[0].path.mkdir(parents=True)
    (runs[0].path / "deed").write_text("crashed")
    status, out, _ = bayeslaw_command("train", path, "--index", 0, "--json")
    assert (status, json.loads(out)) == (1, {"index": 0, "failed": "it crashed"})
    (runs[0].path / "deed").write_text("diverged")
    status, out, _ = bayeslaw_command("train", path, "--index", 0)
    assert (status, out) == (0, "run 0: it diverged\n")


def test_slurm_jobs_are_submitted_and_left_alone(bayeslaw_command, study, slurm):
    path, runs = study
    script = slurm()
    words = ("--executor", "slurm", "--slurm-option", "partition=cpu", "--no-wait")
    words += ("--slurm-option", "mem=2G", "--array-cap", 1)
    status, out, err = bayeslaw_command("train", path, *words, "--json")
    assert (status, err) == (0, "")
    assert json.loads(out)["unfinished"] == 2
    assert [run.job for run in runs] == ["12_0", "12_1"]
    text = script.read_text()
    assert "--partition=cpu\n" in text
    assert "--mem=2G\n" in text
    assert "--array=0-1%1\n" in text


def test_finished_jobs_are_collected_without_slurm(bayeslaw_command, study, slurm):
    path, runs = study
    slurm()
    bayeslaw_command("train", path, "--executor", "slurm", "--no-wait")
    for run in runs:
        job_stand_ins.work_on(run)
    status, out, _ = bayeslaw_command("train", path, "--json")
    record = json.loads(out)
    assert (status, record["rows_added"], record["skipped"]) == (0, 2, 2)


@pytest.mark.parametrize(
    "words",
    [
        ("--status", "--collect"),
        ("--index", 0, "--workers", 1),
        ("--collect", "--no-wait"),
        ("--status", "--executor", "slurm"),
        ("--executor", "slurm", "--workers", 2),
        ("--array-cap", 2),
        ("--slurm-option", "mem=4G"),
    ],
)
def test_options_that_exclude_each_other_are_refused(bayeslaw_command, study, words):
    status, out, err = bayeslaw_command("train", study[0], *words)
    assert (status, out) == (1, "")
    assert_five_parts(err)
    assert words[0] in err
