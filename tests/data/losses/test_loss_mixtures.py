"""Tables without ratios, files of mixtures that runs share, ratios that are rounded."""

import gzip
import json
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from bayeslaw.data.losses import (
    read_runs,
    table_from_rows,
    validate,
    validate_report,
    write_runs,
)
from bayeslaw.errors import InputError, InputErrors

NO_RATIOS = """\
run,origin,N,D,family,unit,value
r1,published,1e6,1e8,web,nats/token,3.5
r1,published,1e6,1e8,code,nats/token,2.5
r2,published,2e6,1e8,web,nats/token,3.25
"""
# Two sizes of one mixture; code is only trained on.
SHARED = """\
run,origin,N,D,family,unit,value,mixture_id
small,published,1e6,1e8,web,nats/token,3.5,even
large,published,2e6,1e8,web,nats/token,3.25,even
other,published,1e6,1e8,web,nats/token,3.75,none
"""
MIXTURES = "mixture_id,web,code\neven,.5,.5\nnone,0,1\n"
ROUNDED = """\
run,origin,N,D,family,p,unit,value
r1,published,1e6,1e8,web,.333,nats/token,3.5
r1,published,1e6,1e8,code,.333,nats/token,2.5
r1,published,1e6,1e8,law,.333,nats/token,2.5
r2,published,1e6,1e8,web,.25,nats/token,3.5
r2,published,1e6,1e8,law,.75,nats/token,2.25
"""


def write(folder: Path, text: str, name: str = "pile.csv") -> Path:
    (folder / name).write_text(text)
    return folder / name


@pytest.mark.parametrize("cell", [None, "", "NA"])
def test_a_table_without_any_ratio_is_read_and_says_so(tmp_path, cell):
    lines = NO_RATIOS.splitlines()
    if cell is not None:
        lines = [f"{lines[0]},p", *(f"{line},{cell}" for line in lines[1:])]
    table = read_runs(write(tmp_path, "\n".join(lines)))
    assert np.isnan(table.columns["p"]).all()
    assert table.mixtures == {"r1": {}, "r2": {}}
    assert not table.has_ratios
    (note,) = table.notes
    assert "only laws without ratios can be fitted" in note
    assert "add a column `p` or a file of mixtures" in note


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_without_ratios_is_written_and_read_again(tmp_path, ending):
    table = read_runs(write(tmp_path, NO_RATIOS))
    part = table.select(table.columns["run"] == "r1", why="test")
    write_runs(part, tmp_path / f"again.{ending}")
    again = read_runs(tmp_path / f"again.{ending}")
    assert again.sha256 == part.sha256
    assert again.mixtures == {"r1": {}}


def test_the_summary_of_a_table_without_ratios_is_strict_json(tmp_path):
    summary = validate(write(tmp_path, NO_RATIOS))
    text = json.dumps(summary, allow_nan=False)
    assert json.loads(text)["ranges"][0]["p"] is None
    assert summary["mixtures"] == 0
    words = validate_report(summary).split()
    assert "web 2 not given 3.25 to 3.5 nats/token" in " ".join(words)


def test_a_table_with_ratios_says_so(tmp_path):
    text = SHARED.replace("mixture_id", "p").replace("even", "1").replace("none", "1")
    assert read_runs(write(tmp_path, text)).has_ratios


def test_runs_share_the_mixtures_of_a_file(tmp_path):
    path = write(tmp_path, SHARED)
    file = write(tmp_path, MIXTURES + "third,.5,.5\n", "mixes.csv")
    table = read_runs(path, mixtures=file)
    assert table.mixtures == {
        "small": {"web": 0.5, "code": 0.5},
        "large": {"web": 0.5, "code": 0.5},
        "other": {"web": 0.0, "code": 1.0},
    }
    assert table.columns["p"].tolist() == [0.5, 0.5, 0]
    assert table.columns["mixture_id"].tolist() == ["even", "even", "none"]
    notes = "\n".join(table.notes)
    assert "mixtures read from mixes.csv; it has 1 mixtures that the table lacks" in (
        notes
    )
    assert "families without observations: code" in notes


@pytest.mark.parametrize(
    ("table", "beside"),
    [
        ("pile.csv", "mixtures.csv"),
        ("pile.csv", "pile_mixtures.csv"),
        ("pile.csv.gz", "pile_mixtures.csv"),
        ("pile.csv.gz", "pile_mixtures.csv.gz"),
    ],
)
def test_a_file_of_mixtures_beside_the_table_is_found(tmp_path, table, beside):
    for name, text in ((table, SHARED), (beside, MIXTURES)):
        content = text.encode()
        packed = gzip.compress(content) if name.endswith(".gz") else content
        (tmp_path / name).write_bytes(packed)
    if beside != "mixtures.csv":  # the file of this table comes before that of all
        write(tmp_path, "run,web\nsmall,1\n", "mixtures.csv")
    found = read_runs(tmp_path / table)
    assert found.mixtures["small"] == {"web": 0.5, "code": 0.5}
    assert f"mixtures read from {beside}" in found.notes


def test_metrics_and_shared_ratios_are_a_pair_too(tmp_path):
    write(tmp_path, SHARED, "metrics.csv")
    write(tmp_path, MIXTURES, "ratios.csv")
    assert read_runs(tmp_path).columns["p"].tolist() == [0.5, 0.5, 0]


@pytest.mark.parametrize(
    ("table", "mixtures", "parts"),
    [
        (
            SHARED.replace("none", "nome"),
            MIXTURES,
            ["mixtures that mixes.csv does not contain", "row 4", "`nome`", "correct"],
        ),
        (
            SHARED.replace("mixture_id", "recipe"),
            MIXTURES,
            ["no column identifies the mixture of mixes", "`recipe`", "`mixture_id`"],
        ),
        (
            SHARED.replace("large", "small").replace("2e6", "1e6"),
            MIXTURES.replace("none", "even").replace("0,1", ".5,.5"),
            ["a mixture has two ratios for one family", "mixture `even`, `web`"],
        ),
        (
            SHARED,
            MIXTURES.replace(".5,.5", ".5,.4"),
            ["mixture `even` 0.9", "mixes.csv, row 2", "give every family"],
        ),
        (
            SHARED.replace("large", "small").replace(",2e6,1e8", ",1e6,2e8")
            + "small,published,1e6,3e8,web,nats/token,3,none\n",
            MIXTURES,
            ["`mixture_id` changes within a run", "run `small` none after even"],
        ),
        (
            SHARED.replace("web,nats", "wob,nats", 1),
            MIXTURES,
            ["no ratio for the family", "`small`, family `wob`", "have web, code"],
        ),
    ],
)
def test_shared_mixtures_that_do_not_fit_are_refused(tmp_path, table, mixtures, parts):
    path = write(tmp_path, table)
    file = write(tmp_path, mixtures, "mixes.csv")
    with pytest.raises(InputErrors) as caught:
        read_runs(path, mixtures=file)
    for part in [*parts, "where:", "got:", "expected:", "fix:"]:
        assert part in str(caught.value), str(caught.value)


def test_an_absent_file_of_mixtures_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_runs(write(tmp_path, SHARED), mixtures=tmp_path / "mixes.csv")


def test_rounded_ratios_are_refused_with_the_way_out(tmp_path):
    with pytest.raises(InputErrors) as caught:
        read_runs(write(tmp_path, ROUNDED))
    (error,) = caught.value.errors
    assert error.got == "run `r1` 0.999"
    assert "--normalise-mixtures (normalise_mixtures=True)" in error.fix


def test_rounded_ratios_are_divided_by_their_sum_when_asked_and_noted(tmp_path):
    path = write(tmp_path, ROUNDED)
    table = read_runs(path, normalise_mixtures=True)
    third = 0.333 / 0.999
    assert table.columns["p"] == pytest.approx([third, third, third, 0.25, 0.75])
    assert table.columns["p"].tolist()[3:] == [0.25, 0.75]
    expected = dict.fromkeys(("web", "code", "law"), third)
    assert table.mixtures["r1"] == pytest.approx(expected, rel=1e-14)
    assert table.notes == (
        "ratios of 1 of 2 runs divided by their sum, as requested; the sum farthest "
        "from 1 is 0.999 (run `r1`)",
    )
    assert validate(path, normalise_mixtures=True) == table.summary()


@pytest.mark.parametrize("column", ["mixture", "file"])
def test_rounded_mixtures_of_a_column_or_a_file_are_normalised_too(tmp_path, column):
    mixture = {"web": 0.333, "code": 0.668}
    row = {"run": "r1", "origin": "published", "N": 1e6, "D": 1e8, "family": "web"}
    row |= {"unit": "nats/token", "value": 3.5}
    if column == "mixture":
        row |= {"mixture": mixture, "p": 0.333}
        table = table_from_rows([row], normalise_mixtures=True)
    else:
        text = ",".join(row) + "\n" + ",".join(map(str, row.values())) + "\n"
        write(tmp_path, "run,web,code\nr1,.333,.668\n", "mixtures.csv")
        table = read_runs(write(tmp_path, text), normalise_mixtures=True)
    expected = {"web": 0.333 / 1.001, "code": 0.668 / 1.001}
    assert table.mixtures["r1"] == pytest.approx(expected, rel=1e-14)
    assert table.columns["p"][0] == table.mixtures["r1"]["web"]


def test_ratios_that_sum_to_one_are_not_touched(tmp_path):
    text = ROUNDED.replace(".333", ".25", 1).replace(".333", ".5", 1)
    path = write(tmp_path, text.replace(".333", ".25"))
    asked = read_runs(path, normalise_mixtures=True)
    assert asked.notes == ()
    assert asked.sha256 == read_runs(path).sha256


def test_more_than_rounding_is_refused_even_when_asked(tmp_path):
    path = write(tmp_path, ROUNDED.replace("code,.333", "code,.3"))
    with pytest.raises(InputErrors) as caught:
        read_runs(path, normalise_mixtures=True)
    (error,) = caught.value.errors
    assert error.got == "run `r1` 0.966"
    assert error.wanted == "ratios of each run that sum to 1 (within 0.02)"
    assert "normalise" not in error.fix


@hypothesis.given(
    at=st.integers(0, 60),
    length=st.integers(0, 20),
    new=st.binary(max_size=4) | st.sampled_from([b'"', b",", b"\n", b"-", b".5", b"{"]),
    is_packed=st.booleans(),
)
@hypothesis.settings(max_examples=100, deadline=None)
def test_mixtures_damaged_anywhere_are_read_or_refused_in_five_parts(
    tmp_path_factory, at, length, new, is_packed
):
    content = gzip.compress(MIXTURES.encode()) if is_packed else MIXTURES.encode()
    path = write(tmp_path_factory.mktemp("damaged"), SHARED)
    file = path.with_name("mixtures.csv")
    file.write_bytes(content[:at] + new + content[at + length :])
    message = "fix:"
    try:
        read_runs(path)
    except InputError as error:  # any other exception fails the test
        message = str(error)
        assert "mixtures.csv" in message or "pile.csv, column" in message
    assert "fix:" in message
