"""`bayeslaw models`: what is listed is what a fit would use."""

import json
from pathlib import Path

import pytest
from helpers import assert_five_parts

from bayeslaw.cli.models import model_record
from bayeslaw.model import read_spec, shipped_models

MODELS = shipped_models()


@pytest.mark.parametrize("name", MODELS)
def test_a_record_says_what_the_spec_says(name):
    spec, record = read_spec(name), model_record(MODELS[name])
    used = [part.name for part in spec.law_record.extensions]
    assert record["name"] == spec.name == name
    assert (record["law"], record["extensions"]) == (spec.law, used)
    assert (record["pooling"], record["source"]) == (spec.pooling, spec.source)


def test_all_models_are_listed_in_words_and_in_json(bayeslaw_command):
    status, out, err = bayeslaw_command("models")
    assert (status, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    for name, path in MODELS.items():
        assert f"{name}: {read_spec(name).law}" in out
        first_words = path.read_text().removeprefix("# ").split("\n")[0][:40]
        assert first_words in out
    status, out, err = bayeslaw_command("models", "--json")
    assert (status, err) == (0, "")
    assert [record["name"] for record in json.loads(out)["models"]] == list(MODELS)


def test_the_file_of_a_model_is_printed_to_be_copied(tmp_path, bayeslaw_command):
    status, out, err = bayeslaw_command("models", "transfer")
    assert (status, err) == (0, "")
    copy = tmp_path / "transfer.toml"
    copy.write_text(out)
    assert read_spec(copy).sha256 == read_spec("transfer").sha256
    _, out, _ = bayeslaw_command("models", "transfer", "--json")
    assert json.loads(out)["toml"] == copy.read_text()


def test_an_unknown_model_is_refused_in_five_parts(bayeslaw_command):
    status, out, err = bayeslaw_command("models", "tranfer")
    assert (status, out) == (1, "")
    assert_five_parts(err)
    assert "did you mean transfer?" in err


def test_a_shipped_model_goes_by_name_in_every_verb(
    tmp_path, monkeypatch, bayeslaw_command
):
    monkeypatch.chdir(tmp_path)
    words = ("--families", "2", "--mixtures", "2", "--seeds", "1", "-o", "study")
    assert bayeslaw_command("simulate", "--model", "default", *words)[0] == 0
    status, out, err = bayeslaw_command(
        "priors", "study/observations.csv", "--model", "default"
    )
    assert status in (0, 2), err
    assert "Priors of default" in out
    wrong = ("--model", "defualt")
    for command in (
        ("fit", "study/observations.csv", "-o", "p.nc"),
        ("priors", "study/observations.csv"),
        ("simulate", "-o", "other"),
        ("calibrate", "-o", "c.json"),
        ("loop", "study.toml", "--params", "1e9", "--tokens", "1e10", "--budget", "1"),
    ):
        Path("study.toml").touch()
        status, out, err = bayeslaw_command(*command, *wrong)
        assert (status, out) == (1, ""), command
        assert_five_parts(err)
        if command[0] != "loop":
            assert "did you mean default?" in err
