"""What is printed: JSON that every program reads, tables whose words stay words."""

import json
import math
from pathlib import Path

import pytest
from helpers import small_posterior

from bayeslaw.checks.verdicts import Check, Checks
from bayeslaw.cli.fit import print_fit
from bayeslaw.cli.terminal import (
    print_checks,
    print_json,
    print_lines,
    print_table,
    sampling_progress,
)


@pytest.fixture(autouse=True)
def _narrow_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def forbid_constant(name: str):
    raise AssertionError(f"{name} is no JSON")


def test_numbers_that_json_lacks_become_null(capsys):
    print_json({"a": math.inf, "b": [1.5, (math.nan, "é")], "c": {"d": -math.inf}})
    out = capsys.readouterr().out
    assert json.loads(out, parse_constant=forbid_constant) == {
        "a": None,
        "b": [1.5, [None, "é"]],
        "c": {"d": None},
    }
    assert "é" in out


def test_brackets_in_names_are_no_markup(capsys):
    print_lines(["a [bold]family[/bold]"])
    print_table("title", ["family", "E"], [["[red]x[/red]", "1.0"]])
    out = capsys.readouterr().out
    assert "a [bold]family[/bold]" in out
    assert "[red]x[/red]" in out


def test_advice_is_shown_where_it_is_needed_only(capsys):
    checks = Checks(
        (
            Check("good", "1", "at most 2", "ok", "advice of good", ""),
            Check("odd", "3", "at most 2", "warn", "advice of odd", ""),
            Check("bad", "[4]", "", "fail", "advice of bad", ""),
        )
    )
    print_checks(checks)
    out = capsys.readouterr().out
    assert "ok    good: 1 (limit: at most 2)" in out
    assert "advice of good" not in out
    assert "warn  odd: 3 (limit: at most 2)\n      advice of odd" in out
    assert "fail  bad: [4]\n      advice of bad" in out
    assert out.endswith("1 check failed\n")


def test_a_fit_is_shown_with_origin_unit_and_divergences(capsys):
    posterior = small_posterior()
    print_fit(posterior, Path("out/post.nc"), as_json=False)
    out = capsys.readouterr().out
    diverged = int(posterior["sample_stats"]["diverging"].sum())
    divergences = f"4 chains of 1000 draws, {diverged} divergent"
    for word in ("simulated rows", "nats/token", divergences):
        assert word in out
    assert max(map(len, out.splitlines())) <= 80
    assert "…" not in out


def test_a_fit_as_json_has_ordered_intervals_of_every_parameter(capsys):
    posterior = small_posterior()
    print_fit(posterior, Path("out/post.nc"), as_json=True)
    record = json.loads(capsys.readouterr().out, parse_constant=forbid_constant)
    assert record["posterior"] == "out/post.nc"
    assert record["rows"] == 180
    assert (record["probability"], record["unit"]) == (0.9, ["nats/token"])
    assert list(record["parameters"]) == ["germanic", "romance", "slavic"]
    gamma = posterior["posterior"]["gamma"].sel(family="slavic")
    shown = record["parameters"]["slavic"]["gamma"]
    for bound, level in (("lower", 0.05), ("median", 0.5), ("upper", 0.95)):
        assert shown[bound] == pytest.approx(float(gamma.quantile(level)))


def test_no_progress_is_drawn_into_a_file(capsys):
    for quiet in (True, False):
        with sampling_progress(quiet=quiet) as report:
            assert report is None
    assert capsys.readouterr() == ("", "")


def test_progress_is_drawn_on_a_terminal_and_on_standard_error(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with sampling_progress(quiet=False) as report:
        report("sampling", 30, 100, 2)
    out, err = capsys.readouterr()
    assert out == ""
    assert "sampling, 2 divergences" in err
    assert "30/100 iterations" in err
