"""`bayeslaw demo`: the commands of `make demo`, and no file of anybody else's lost."""

import re
import shlex
from pathlib import Path

import pytest
from helpers import assert_five_parts

from bayeslaw.cli import demo as demo_module
from bayeslaw.cli.check import check
from bayeslaw.cli.demo import STUDY_FILES, demo_commands
from bayeslaw.cli.validate import validate

ROOT = Path(__file__).parents[2]


@pytest.fixture
def quick(tmp_path, monkeypatch):
    """The demo with one quick command, in an empty folder."""

    def commands(folder):
        yield "validate", str(folder / "observations.csv")

    monkeypatch.setattr(demo_module, "VERBS", (validate, check))
    monkeypatch.setattr(demo_module, "demo_commands", commands)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "bayeslaw-demo"


def test_the_commands_are_those_of_make_demo():
    makefile = (ROOT / "Makefile").read_text()
    target = re.search(r"^target := (.*)$", makefile, re.M)[1]
    made = [
        line.replace("$(target)", target)
        .replace("$(study)", "here")
        .replace("$(out)", "here")
        for line in re.findall(r"^\t\$\(bin\)/bayeslaw (.*)$", makefile, re.M)
    ]
    assert [shlex.join(words) for words in demo_commands(Path("here"))] == made


def test_each_command_is_shown_and_run(quick, bayeslaw_command):
    status, out, err = bayeslaw_command("demo")
    assert (status, err) == (0, "")
    assert out.startswith("$ bayeslaw validate bayeslaw-demo/observations.csv\n")
    assert "1670 rows" in out
    for name in STUDY_FILES:
        shipped = ROOT / "runs/sample-families" / name
        assert (quick / name).read_bytes() == shipped.read_bytes()


def test_a_second_demo_replaces_what_the_first_has_written(quick, bayeslaw_command):
    assert bayeslaw_command("demo")[0] == 0
    (quick / "notes.txt").write_text("mine")
    assert bayeslaw_command("demo")[0] == 0
    assert (quick / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["observations.csv", "posterior.nc", "report.html"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_no_file_of_the_users_is_replaced(quick, bayeslaw_command, name, when):
    if when == "after":
        assert bayeslaw_command("demo")[0] == 0
    quick.mkdir(exist_ok=True)
    (quick / name).write_text("mine")
    status, out, err = bayeslaw_command("demo")
    assert (status, out) == (1, "")
    assert_five_parts(err)
    assert name in err
    assert (quick / name).read_text() == "mine"


def test_a_command_that_fails_ends_the_demo_with_its_status(
    quick, monkeypatch, bayeslaw_command
):
    def commands(folder):
        yield "validate", "none.csv"
        yield "never", "reached"

    monkeypatch.setattr(demo_module, "demo_commands", commands)
    status, out, err = bayeslaw_command("demo")
    assert status == 1
    assert "no such file" in err
    assert "never" not in out
