"""The command line: what it costs to start, wrong words, tables and paths."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import MODEL, assert_five_parts, write

import bayeslaw

ROOT = Path(__file__).parents[2]
PROGRAM = Path(sys.executable).with_name("bayeslaw")
STUDY = ROOT / "runs/sample-families/observations.csv"
HEAVY = {"jax", "numpyro", "pandas", "xarray", "matplotlib", "pyarrow", "numpy"}
HEAVY |= {"scipy", "arviz", "flax", "sentencepiece"}
TARGET = ("--params", "1e9", "--tokens", "2e10")
HEADER = "run,seed,origin,proxy,N,D,schedule,family,p,metric,unit,value,se\n"
GOOD = (
    HEADER
    + """\
r1,0,measured,d4,4096,1000000,trunk,romance,0.25,loss,bits/byte,2.5,0.01
r1,0,measured,d4,4096,1000000,trunk,uralic,0.75,loss,bits/byte,2.25,0.01
"""
)
ROW = GOOD.splitlines(keepends=True)[1]
# Case -> (replaced text, new text, words of the message).
WRONG_TABLES = {
    "missing_column": (HEADER, HEADER.replace("value", "other"), "value"),
    "ratios_not_summing_to_one": ("0.25", "0.2", "sum"),
    "negative_loss": ("2.5", "-2.5", "-2.5"),
    "duplicate_rows": (ROW, ROW + ROW, "row 3"),
    "percentages": ("0.25", "25", "divide by 100"),
    "nan": ("2.5", "nan", "nan"),
    "empty_file": (GOOD, "", "table.csv"),
}


@pytest.mark.parametrize(
    "code",
    [
        "import bayeslaw",
        "main",
        "sys.argv[1:] = ['--help']; main._status()",
        "sys.argv[1:] = ['ratios', '--help']; main._status()",
        "sys.argv[1:] = ['validate', TABLE]; main._status()",
        "sys.argv[1:] = ['corpora', 'build', '--help']; main._status()",
    ],
    ids=["package", "cli", "help", "help of a verb", "validate", "help of a group"],
)
def test_no_heavy_library_is_loaded_before_it_is_needed(code):
    start = "" if code == "import bayeslaw" else "import bayeslaw.cli.main as main; "
    show = f"import sys; TABLE = {str(STUDY)!r}; {start}{code}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", show], capture_output=True, text=True, check=True
    )
    assert HEAVY & set(done.stdout.split()) == set()


def test_every_public_name_resolves():
    assert [name for name in bayeslaw.__all__ if not hasattr(bayeslaw, name)] == []
    assert set(bayeslaw.__all__) <= set(dir(bayeslaw))


def test_a_name_the_package_lacks_is_an_attribute_error():
    with pytest.raises(AttributeError, match="No bayeslaw attribute fitt"):
        _ = bayeslaw.fitt


def test_help_lists_the_verbs_and_the_exit_statuses(bayeslaw_command):
    status, out, err = bayeslaw_command("--help")
    verbs = (
        "validate",
        "priors",
        "fit",
        "check",
        "compare",
        "predict",
        "transfer",
        "calibrate",
        "ratios",
    )
    verbs += ("report", "train", "simulate", "corpora")
    assert [verb for verb in verbs if f"\n  {verb} " not in out] == []
    assert "0 success, 1 invalid input, 2 failed checks" in out
    # A sentence cut short with an ellipsis says nothing.
    assert "..." not in out.split("Commands:")[1]
    assert (status, err) == (0, "")


def test_without_words_the_help_is_shown(bayeslaw_command):
    assert bayeslaw_command() == bayeslaw_command("--help")


def test_the_version_is_that_of_the_package(bayeslaw_command):
    assert bayeslaw_command("--version") == (
        0,
        f"bayeslaw {bayeslaw.__version__}\n",
        "",
    )


@pytest.mark.parametrize(
    ("words", "said", "help_of"),
    [
        (["validat"], "Did you mean 'validate'", "bayeslaw --help"),
        (["--bogus"], "--bogus", "bayeslaw --help"),
        (["validate"], "Missing argument 'TABLE'", "bayeslaw validate --help"),
        (["validate", "x", "--bogus"], "--bogus", "bayeslaw validate --help"),
        (["validate", "x", "--origin", "y"], "'--origin'", "bayeslaw validate --help"),
        (["ratios", "x", "--params", "many"], "'--params'", "bayeslaw ratios --help"),
        (["fit", "x", "--draws", "1"], "'--draws'", "bayeslaw fit --help"),
    ],
    ids=["verb", "option", "argument", "verb_option", "choice", "number", "range"],
)
def test_a_wrong_word_is_named_with_the_help_to_read(
    bayeslaw_command, words, said, help_of
):
    status, out, err = bayeslaw_command(*words)
    assert (status, out) == (1, "")
    assert said in err
    assert help_of in err
    status, out, err = bayeslaw_command(*words, "--json")
    assert (status, err) == (1, "")
    assert said in json.loads(out)["error"]


def test_a_good_table_is_valid_in_words_and_in_json(bayeslaw_command):
    status, out, err = bayeslaw_command("validate", STUDY)
    assert (status, err) == (0, "")
    assert "measured" in out
    status, out, err = bayeslaw_command("validate", STUDY, "--json")
    assert (status, err) == (0, "")
    assert json.loads(out)["rows"] == len(STUDY.read_text().splitlines()) - 1


@pytest.mark.parametrize("case", WRONG_TABLES)
def test_a_wrong_table_is_refused_in_five_parts(tmp_path, bayeslaw_command, case):
    old, new, said = WRONG_TABLES[case]
    assert old in GOOD
    path = write(tmp_path / "table.csv", GOOD.replace(old, new, 1))
    status, out, err = bayeslaw_command("validate", path)
    assert (status, out) == (1, "")
    assert_five_parts(err)
    assert str(path.name) in err
    assert said in err
    status, out, err = bayeslaw_command("validate", path, "--json")
    assert (status, err) == (1, "")
    assert_five_parts(json.loads(out)["error"])


def test_a_missing_file_and_a_folder_are_refused_in_five_parts(
    tmp_path, bayeslaw_command
):
    model = ROOT / MODEL
    for words in (
        ("validate", tmp_path / "none.csv"),
        ("validate", tmp_path),
        ("fit", tmp_path / "none.csv", "--model", model, "-o", tmp_path / "post.nc"),
        ("check", tmp_path / "none.nc"),
        ("check", tmp_path),
        ("ratios", tmp_path / "none.nc", *TARGET),
        ("train", tmp_path / "study.toml"),
        ("simulate", "--model", tmp_path / "none.toml", "-o", tmp_path / "study"),
    ):
        status, out, err = bayeslaw_command(*words)
        assert (status, out) == (1, ""), words
        assert_five_parts(err)
        assert str(tmp_path) in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("at", ["start", "end"])
def test_debug_shows_the_traceback_wherever_it_stands(tmp_path, bayeslaw_command, at):
    words = ["validate", tmp_path / "none.csv"]
    words = ["--debug", *words] if at == "start" else [*words, "--debug"]
    status, out, err = bayeslaw_command(*words)
    assert (status, out) == (1, "")
    assert err.startswith("Traceback")
    assert_five_parts(err.removeprefix("Traceback"))


def test_an_interrupt_shows_no_traceback(monkeypatch, bayeslaw_command):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("bayeslaw.data.losses.validate", interrupt)
    assert bayeslaw_command("validate", STUDY) == (130, "", "")


@pytest.mark.parametrize("verb", ["fit", "report"])
@pytest.mark.parametrize("place", ["", "file/output", "file/folder/output"])
def test_an_output_that_cannot_be_written_is_refused_before_the_input_is_read(
    tmp_path, bayeslaw_command, verb, place
):
    write(tmp_path / "file", "")
    model = ("--model", "none.toml") if verb == "fit" else ()
    output = tmp_path / place
    status, out, err = bayeslaw_command(verb, "none", *model, "-o", output)
    assert (status, out) == (1, "")
    assert_five_parts(err)
    assert "--output" in err
    assert str(output) in err


def test_a_refusal_of_the_operating_system_has_five_parts(tmp_path, bayeslaw_command):
    path = write(tmp_path / "file", "")
    status, _, err = bayeslaw_command("simulate", "--model", ROOT / MODEL, "-o", path)
    assert status == 1
    assert_five_parts(err)
    assert str(path) in err
