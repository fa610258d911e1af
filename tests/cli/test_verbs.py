"""The verbs of the command line: checks, decisions, studies, one step after another."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import MODEL, assert_five_parts, small_posterior, write

from bayeslaw.checks import diagnostics
from bayeslaw.errors import InputError
from bayeslaw.inference.posterior import save_posterior
from bayeslaw.numbers import probability_text

ROOT = Path(__file__).parents[2]
PROGRAM = Path(sys.executable).with_name("bayeslaw")
FAMILIES = ("germanic", "romance", "slavic")
TARGET = ("--params", "1e9", "--tokens", "2e10")


@pytest.fixture(scope="module")
def posterior(tmp_path_factory):
    path = tmp_path_factory.mktemp("cli") / "posterior.nc"
    save_posterior(small_posterior(), path)
    return path


@pytest.fixture
def failing_posterior(posterior, monkeypatch):
    monkeypatch.setattr(diagnostics, "MIN_ESS", 10**9)
    return posterior


def test_checks_of_a_good_posterior_pass(bayeslaw_command, posterior):
    status, out, err = bayeslaw_command("check", posterior)
    assert (status, err) == (0, "")
    assert "no check failed" in out
    assert "R-hat" in out
    status, out, err = bayeslaw_command("check", posterior, "--json")
    record = json.loads(out)
    assert (status, err, record["is_passed"]) == (0, "", True)
    assert {"name", "value", "threshold", "verdict"} <= set(record["checks"][0])


def test_failed_checks_are_exit_status_2_with_their_advice(
    bayeslaw_command, failing_posterior
):
    status, out, _ = bayeslaw_command("check", failing_posterior)
    assert status == 2
    assert "fail  bulk ESS" in out
    assert "fit again with larger --draws" in out
    assert "2 checks failed" in out
    status, out, _ = bayeslaw_command("check", failing_posterior, "--json")
    assert (status, json.loads(out)["is_passed"]) == (2, False)


@pytest.mark.parametrize("verb", ["ratios", "report"])
def test_failed_checks_give_no_decision(
    tmp_path, bayeslaw_command, failing_posterior, verb
):
    output = tmp_path / "report.html"
    words = (verb, failing_posterior, *TARGET)
    words += ("-o", output) if verb == "report" else ()
    status, out, err = bayeslaw_command(*words)
    assert (status, out) == (2, "")
    assert "bulk ESS" in err
    assert "--allow-failed-checks" in err
    assert "Traceback" not in err
    assert not output.exists()
    status, out, err = bayeslaw_command(*words, "--json")
    assert (status, err) == (2, "")
    assert "bulk ESS" in json.loads(out)["error"]


def test_allowed_failed_checks_are_the_first_sentence_of_the_decision(
    bayeslaw_command, failing_posterior
):
    words = ("ratios", failing_posterior, *TARGET, "--allow-failed-checks")
    status, out, _ = bayeslaw_command(*words)
    assert status == 0
    first_sentence = out.split("\n\n", 1)[1].split(". ")[0]
    assert "bulk ESS" in first_sentence
    status, out, _ = bayeslaw_command(*words, "--json")
    assert status == 0
    assert "bulk ESS" in json.loads(out)["doubts"]["failed_checks"]


@pytest.fixture
def decision(bayeslaw_command, posterior):
    """The record of a decision for some more options."""

    def decide(*options) -> dict:
        words = ("ratios", posterior, *TARGET, "--json", *options)
        status, out, err = bayeslaw_command(*words)
        assert (status, err) == (0, "")
        return json.loads(out)

    return decide


def test_ratios_sum_to_one_and_name_their_origin(bayeslaw_command, posterior, decision):
    record = decision()
    assert sum(record["ratios"].values()) == pytest.approx(1)
    assert tuple(record["ratios"]) == FAMILIES
    assert record["made_from"]["origin"] == "simulated"
    status, out, err = bayeslaw_command("ratios", posterior, *TARGET)
    assert (status, err) == (0, "")
    assert "simulated" in out.splitlines()[0]
    rows = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    for family, ratio in record["ratios"].items():
        assert f"{ratio:.3f}" in rows[family]


def by_family(record: dict, name: str) -> dict[str, float]:
    """One number of each family of a decision's JSON."""
    return {one["name"]: one[name] for one in record["families"]}


def test_a_heavier_family_gets_more(tmp_path, decision):
    weights = write(tmp_path / "w.toml", "germanic = 1\nromance = 1\nslavic = 4\n")
    even, heavy = decision(), decision("--weights", weights)
    assert by_family(heavy, "weight")["slavic"] == pytest.approx(4 / 6)
    assert heavy["ratios"]["slavic"] > even["ratios"]["slavic"] + 0.05


def test_weights_are_uniform_or_those_of_speakers(tmp_path, decision):
    speakers = write(
        tmp_path / "speakers.csv",
        "language,family,speakers\nGerman,germanic,1e8\nEnglish,germanic,2e8\n"
        "Spanish,romance,5e8\nPolish,slavic,2e8\n",
    )
    wanted = {"germanic": 0.3, "romance": 0.5, "slavic": 0.2}
    weights = by_family(decision("--weights", speakers), "weight")
    assert weights == pytest.approx(wanted)
    assert decision("--weights", "uniform")["ratios"] == decision()["ratios"]


def test_a_table_of_speakers_without_a_family_is_refused(
    tmp_path, bayeslaw_command, posterior
):
    speakers = write(tmp_path / "s.csv", "family,speakers\ngermanic,1\nslavic,2\n")
    words = ("ratios", posterior, *TARGET, "--weights", speakers)
    status, out, err = bayeslaw_command(*words)
    assert (status, out) == (1, "")
    assert_five_parts(err)
    assert "`romance`" in err


def test_pairs_of_mixtures_are_printed_on_demand(bayeslaw_command, posterior, decision):
    status, out, _ = bayeslaw_command("ratios", posterior, *TARGET)
    assert "lower loss than column" not in out
    status, out, _ = bayeslaw_command("ratios", posterior, *TARGET, "--pairs")
    assert status == 0
    table = out.split("P(row has a lower loss than column), simulated rows")[1]
    wanted = decision()["p_better"]
    row = next(line for line in table.splitlines() if line.startswith("2 uniform"))
    assert row.split() == ["2", "uniform", *said(wanted["uniform"]["recommended"]), "–"]


def said(p: float) -> list[str]:
    return probability_text(p).split()


def test_normalised_losses_make_another_decision(decision):
    raw, normalised = decision(), decision("--normalised")
    assert (raw["target"]["normalised"], normalised["target"]["normalised"]) == (
        False,
        True,
    )
    assert raw["ratios"] != normalised["ratios"]


def test_a_lower_probability_narrows_the_intervals(decision):
    wide, narrow = decision(), decision("--probability", "0.5")
    for family in FAMILIES:
        assert by_family(narrow, "lower")[family] > by_family(wide, "lower")[family]
        assert by_family(narrow, "upper")[family] < by_family(wide, "upper")[family]


MIXTURE = "germanic = 0.2\nromance = 0.3\nslavic = 0.5\n"


def test_a_flat_file_is_one_mixture_named_after_the_file(tmp_path, decision):
    record = decision("--mix", write(tmp_path / "ours.toml", MIXTURE))
    ours = {verdict["name"]: verdict for verdict in record["compared"]}["ours"]
    assert ours["ratios"] == {"germanic": 0.2, "romance": 0.3, "slavic": 0.5}
    assert 0 <= ours["regret_lower"] <= ours["regret"]


def test_tables_of_a_file_are_mixtures_by_name(tmp_path, decision):
    mixtures = (
        f"[new]\n{MIXTURE}[old]\n{MIXTURE.replace('.2', '.4').replace('.5', '.3')}"
    )
    record = decision("--mix", write(tmp_path / "mixtures.toml", mixtures))
    names = [verdict["name"] for verdict in record["compared"]]
    assert {"new", "old"} <= set(names)
    assert "mixtures" not in names


WRONG_FILES = {
    "missing": None,
    "not_toml": "germanic: 0.2\n",
    "a_word": MIXTURE.replace("0.2", '"much"'),
    "a_bool": MIXTURE.replace("0.2", "true"),
    "a_list": MIXTURE.replace("0.2", "[0.2]"),
    "not_a_number": MIXTURE.replace("0.2", "nan"),
    "negative": MIXTURE.replace("0.2", "-0.2"),
    "unknown_family": MIXTURE.replace("germanic", "uralic"),
    "family_left_out": MIXTURE.replace("germanic = 0.2", ""),
    "empty": "",
}
WRONG_MIXTURES = {
    "percentages": MIXTURE.replace("0.", "20."),
    "flat_and_table": f"germanic = 0.2\n[other]\n{MIXTURE}",
    "table_of_words": f"[other]\n{MIXTURE.replace('0.2', 'false')}",
}


@pytest.mark.parametrize(
    ("option", "content"),
    [
        *(("--weights", content) for content in WRONG_FILES.values()),
        *(("--mix", content) for content in (WRONG_FILES | WRONG_MIXTURES).values()),
    ],
    ids=[
        *(f"weights-{case}" for case in WRONG_FILES),
        *(f"mix-{case}" for case in WRONG_FILES | WRONG_MIXTURES),
    ],
)
def test_a_wrong_weight_or_mixture_file_is_refused_in_five_parts(
    tmp_path, bayeslaw_command, posterior, option, content
):
    path = tmp_path / "mine.toml"
    if content is not None:
        path.write_text(content)
    status, out, err = bayeslaw_command("ratios", posterior, *TARGET, option, path)
    assert (status, out) == (1, "")
    assert_five_parts(err)
    # The name of the file, of its mixture, or of the option.
    assert "mine" in err or "weights" in err


@pytest.mark.parametrize("value", ["0", "-1e9", "nan", "inf"])
def test_a_target_out_of_range_is_refused(bayeslaw_command, posterior, value):
    words = ("ratios", posterior, f"--params={value}", "--tokens", "1e9")
    status, out, err = bayeslaw_command(*words)
    assert (status, out) == (1, "")
    assert_five_parts(err)


@pytest.mark.parametrize(
    ("content", "said"),
    [("[study", "study.toml"), ("[study]\nname = 'x'\ncolour = 'red'\n", "colour")],
    ids=["not_toml", "wrong_fields"],
)
def test_a_wrong_study_file_is_refused_in_five_parts(
    tmp_path, bayeslaw_command, content, said
):
    path = write(tmp_path / "study.toml", content)
    status, out, err = bayeslaw_command("train", path)
    assert (status, out) == (1, "")
    assert_five_parts(err)
    assert said in err
    assert list(tmp_path.iterdir()) == [path]


def test_simulate_writes_a_valid_table_and_its_truth(tmp_path, bayeslaw_command):
    words = ("simulate", "--model", ROOT / MODEL, "-o", tmp_path / "study")
    words += ("--families", 2, "--mixtures", 3, "--seeds", 1, "--seed", 5)
    status, out, err = bayeslaw_command(*words)
    assert (status, err) == (0, "")
    table = tmp_path / "study/observations.csv"
    truth = json.loads((tmp_path / "study/truth.json").read_text())
    assert str(table) in out
    assert (truth["families"], truth["seed"]) == (["germanic", "romance"], 5)
    status, out, _ = bayeslaw_command("validate", table, "--json")
    summary = json.loads(out)
    assert (status, summary["rows"]) == (0, 4 * 3 * 3 * 2)
    status, out, _ = bayeslaw_command(*words, "--json")
    assert (status, json.loads(out)["truth"]) == (0, truth)


# Every step as its own process, with a table that no document ships.
@pytest.mark.slow
def test_a_simulated_study_goes_from_table_to_report(tmp_path):
    def run(*words) -> str:
        done = subprocess.run(
            [PROGRAM, *words], cwd=tmp_path, capture_output=True, text=True
        )
        # Few draws: the checks may fail, but nothing else may.
        allowed = (0, 2) if words[0] == "check" else (0,)
        assert done.returncode in allowed, f"{words}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout

    model = ("--model", ROOT / MODEL)
    run("simulate", *model, "-o", "study", "--families", "2", "--mixtures", "5")
    table = "study/observations.csv"
    assert json.loads(run("validate", table, "--json"))["rows"] == 4 * 6 * 3 * 2
    few = ("--chains", "2", "--warmup", "200", "--draws", "100")
    fitted = json.loads(run("fit", table, *model, *few, "-o", "out/post.nc", "--json"))
    assert fitted["origin"] == ["simulated"]
    assert set(fitted["parameters"]) == {"germanic", "romance"}
    run("check", "out/post.nc")
    options = (*TARGET, "--allow-failed-checks")
    decision = json.loads(run("ratios", "out/post.nc", *options, "--json"))
    assert sum(decision["ratios"].values()) == pytest.approx(1)
    run("report", "out/post.nc", *options, "-o", "out/report.html")
    assert "simulated" in (tmp_path / "out/report.html").read_text()


def test_rounded_mixtures_of_a_named_file_are_read(tmp_path, bayeslaw_command):
    table = write(
        tmp_path / "table.csv",
        "run,seed,origin,N,D,family,unit,value\n"
        "r1,0,measured,4096,1000000,romance,bits/byte,2.5\n",
    )
    ratios = write(tmp_path / "shares.csv", "run,romance,uralic\nr1,.333,.666\n")
    words = ("validate", table, "--mixtures", ratios)
    status, _, err = bayeslaw_command(*words)
    assert status == 1
    assert "--normalise-mixtures" in err
    status, out, err = bayeslaw_command(*words, "--normalise-mixtures")
    assert (status, err) == (0, "")
    assert "mixtures read from shares.csv" in out
    assert "divided by their sum" in out


@pytest.mark.parametrize("verb", ["priors", "fit", "compare"])
def test_every_verb_that_reads_a_table_passes_its_mixtures_on(
    tmp_path, monkeypatch, bayeslaw_command, posterior, verb
):
    asked = {}

    def read(_, **options):
        asked.update(options)
        raise InputError("stop", "here", "", "", "")

    monkeypatch.setattr("bayeslaw.data.losses.read_runs", read)
    words = {
        "priors": ("table.csv", "--model", MODEL),
        "fit": ("table.csv", "--model", MODEL, "-o", tmp_path / "posterior.nc"),
        "compare": (posterior,),
    }[verb]
    flags = ("--mixtures", "shares.csv", "--normalise-mixtures")
    assert bayeslaw_command(verb, *words, *flags)[0] == 1
    assert asked["mixtures"] == Path("shares.csv")
    assert asked["normalise_mixtures"] is True


def test_constraints_come_from_a_file_and_options_override_it(
    tmp_path, bayeslaw_command, posterior
):
    limits = write(
        tmp_path / "limits.toml",
        """risk = "cvar"
[upper]
slavic = 0.3
[[linear]]
shares = { germanic = 1, romance = 1 }
at_least = 0.72
""",
    )
    words = ("ratios", posterior, *TARGET, "--constraints", limits)
    status, out, _ = bayeslaw_command(*words)
    assert status == 0
    assert "slavic at most 0.3; germanic + romance at least 0.72" in " ".join(
        out.split()
    )
    assert "worst 10% of draws" in " ".join(out.split())
    status, out, _ = bayeslaw_command(*words, "--risk", "minimax", "--json")
    record = json.loads(out)
    assert record["limited"]["constraints"]["risk"] == "minimax"
    assert record["ratios"]["slavic"] <= 0.28 + 1e-6
    assert record["limited"]["binding"]
    status, out, err = bayeslaw_command(*words, "--max-epochs", 4)
    assert (status, out) == (1, "")
    assert_five_parts(err)
    assert "distinct tokens are not known" in err
