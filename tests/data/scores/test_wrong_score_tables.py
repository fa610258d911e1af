"""Every wrong table of scores gives file, row, column, what was found, wanted, fix."""

import hypothesis
import hypothesis.strategies as st
import pytest
from score_rows import study_rows

from bayeslaw.data.scores import curves_from_rows, read_curves
from bayeslaw.errors import InputError, InputErrors

HEADER = (
    "run,seed,origin,proxy,N,task,pretraining_mix,D_p,D_f,pairs,alignment,metric,unit,"
    "value,se,beams,tokenizer,mixture\n"
)
GOOD = (
    HEADER
    + """\
r1,0,measured,d4,4096,en-de,en,1000000,62000,200,0.7,bleu,points,12.5,0.3,4,bytes,"EN"
r1,0,measured,d4,4096,en-de,en,1000000,62000,200,0.7,ce,bits/byte,1.9,0.01,4,bytes,
r1,0,measured,d4,4096,en-de,en,4000000,62000,200,0.7,bleu,points,14.5,0.3,4,bytes,
r2,1,measured,d4,4096,en-de,none,0,62000,200,0,bleu,points,8.5,0.3,4,bytes,
r2,1,measured,d4,4096,en-de,de,4000000,62000,200,0.8,bleu,points,13.5,0.3,4,bytes,"DE"
"""
)
GOOD = GOOD.replace('EN"', '{""en"": 1}"').replace('DE"', '{""de"": 1}"')
ROW = GOOD.splitlines(keepends=True)[1]

# Name of the case -> (replaced text, new text, column in the message or None,
# parts of the message: rows, offending values, wanted, fix). The first occurrence is
# replaced; an empty replaced text means "after the last row".
ONE_CELL = {
    "bleu_above_100": ("12.5", "125", "value", ["row 2", "125", "0 to 100", "twice"]),
    "negative_bleu": ("12.5", "-1", "value", ["row 2", "-1", "outside 0 to 100"]),
    "zero_entropy": ("1.9", "0", "value", ["row 3", "loss is not above 0"]),
    "negative_entropy": (
        "1.9",
        "-1.9",
        "value",
        ["row 3", "-1.9", "not its logarithm"],
    ),
    "word_for_a_number": ("12.5", "high", "value", ["row 2", "high", "plain number"]),
    "nan": ("12.5", "nan", "value", ["row 2", "nan", "a finite number"]),
    "empty_value": ("12.5", "", "value", ["row 2", "nothing", "delete the row"]),
    "suffixed_tokens": ("1000000", "1M", "D_p", ["row 2", "1M", "1.2B is 1.2e9"]),
    "negative_tokens": ("1000000", "-1", "D_p", ["row 2", "-1", "0 or more", "tokens"]),
    "empty_tokens": ("1000000", "", "D_p", ["row 2", "nothing", "0 if there was"]),
    "no_fine_tuning": ("62000", "0", "D_f", ["row 2", "above 0", "leave the cell"]),
    "no_pairs": (",200,", ",0,", "pairs", ["row 2", "a count above 0"]),
    "negative_size": ("4096", "-4096", "N", ["row 2", "-4096", "above 0"]),
    "negative_se": ("0.3", "-0.3", "se", ["row 2", "-0.3", "0 or more"]),
    "negative_alignment": ("0.7", "-0.7", "alignment", ["row 2", "-0.7", "0 or more"]),
    "no_beams": ("0.3,4", "0.3,0", "beams", ["row 2", "above 0"]),
    "broken_seed": ("r1,0,", "r1,0.5,", "seed", ["row 2", "0.5", "whole number"]),
    "unknown_origin": ("measured", "mesured", "origin", ["row 2", "did you mean"]),
    "unknown_unit": ("points", "furlong", "unit", ["row 2", "furlong", "`points`"]),
    "bleu_in_bits": (
        "points",
        "bits/byte",
        "unit",
        ["wrong units", "for BLEU and chrF"],
    ),
    "bleu_as_fraction": (
        "points",
        "fraction",
        "unit",
        ["row 2", "wrong units", "multiply BLEU and chrF by 100", "write `points`"],
    ),
    "entropy_in_points": (
        "bits/byte",
        "points",
        "unit",
        ["row 3", "points", "one of the first 6 for cross-entropy"],
    ),
    "entropy_without_unit": (
        "bits/byte",
        "",
        "unit",
        ["row 3", "nothing", "only that of BLEU and chrF", "argument `unit`"],
    ),
    "perplexity": ("bits/byte", "ppl", "unit", ["row 3", "ppl", "ln(perplexity"]),
    "empty_metric": ("ce", "", "metric", ["row 3", "nothing", "fill the cells"]),
    "empty_task": ("en-de", "", "task", ["row 2", "nothing", "fine-tuned for"]),
    "empty_run": ("r1,", ",", "run", ["row 2", "nothing", "fill the cells"]),
    "empty_mixture_name": (
        "en-de,en,",
        "en-de,,",
        "pretraining_mix",
        ["row 2", "nothing", "or none where D_p is 0"],
    ),
    "pretrained_on_nothing": (
        "en-de,none,0,",
        "en-de,None,5000,",
        "pretraining_mix",
        ["row 5", "none with D_p 5000", "only where D_p is 0", "or set D_p to 0"],
    ),
    "two_mixtures_in_a_run": (
        "en-de,en,4000000",
        "en-de,fr,4000000",
        "pretraining_mix",
        ["row 4", "run `r1` fr after en", "one `pretraining_mix`"],
    ),
    "two_seeds": ("r1,0", "r1,7", "seed", ["rows 3, 4", "run `r1` 0 after 7"]),
    "two_shapes": ("d4", "d5", "proxy", ["rows 3, 4", "run `r1` d4 after d5"]),
    "two_tokenizers": ("bytes", "x", "tokenizer", ["run `r1` bytes after x"]),
    "two_alignments": (
        "0.7",
        "0.75",
        "alignment",
        ["rows 3, 4", "`en-de`, `en` 0.7 after 0.75", "correct the alignment"],
    ),
    "ratios_in_percent": ("1}", "100}", "mixture", ["row 2", "divide them by 100"]),
    "ratios_off": (
        '{""en"": 1}',
        '{""en"": 0.99}',
        "mixture",
        ["row 2", "run `r1` 0.99", "with all its digits"],
    ),
    "mixture_not_json": ('{""en"": 1}', "en", "mixture", ["row 2", "not JSON"]),
    "duplicate": (
        "",
        ROW.replace("12.5", "13"),
        None,
        [
            "row 7",
            "r1, en-de, en, 4096, 1000000, 62000, 200, bleu: 12.5 and 13 (first in",
            "one row for each run, task, pretraining_mix, N, D_p, D_f, pairs, metric",
            "scores on different test sets or with different decoding different tasks",
        ],
    ),
    "duplicate_by_another_name": (
        "",
        ROW.replace("bleu", "sacreBLEU"),
        None,
        ["row 7", "12.5 and 12.5 (first in row 2)"],
    ),
    "torn_row": ("", "r1,0\n", None, ["row 7", "2 cells", "18 cells"]),
}


@pytest.mark.parametrize("case", ONE_CELL.values(), ids=ONE_CELL)
def test_one_wrong_cell_is_named_with_row_value_wanted_and_fix(tmp_path, case):
    old, new, column, parts = case
    path = tmp_path / "scores.csv"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new, 1) if old else GOOD + new)
    with pytest.raises(InputErrors) as caught:
        read_curves(path)
    message = str(caught.value)
    where = f"scores.csv, column `{column}`" if column else "scores.csv"
    for part in [where, *parts, "where:", "got:", "expected:", "fix:", str(path)]:
        assert part in message, message
    assert len(caught.value.errors) == 1, message
    # What a table of scores cannot be asked for is not recommended.
    assert "normalise" not in message


def test_the_good_table_is_good(tmp_path):
    (tmp_path / "scores.csv").write_text(GOOD)
    table = read_curves(tmp_path / "scores.csv")
    assert table.mixtures == {"en": {"en": 1.0}, "de": {"de": 1.0}}


def test_all_problems_are_raised_together(tmp_path):
    path = tmp_path / "scores.csv"
    text = GOOD.replace("12.5", "125").replace("1.9", "-1").replace("d4", "d5", 1)
    path.write_text(text.replace("measured", "x").replace("r2,1", "r2,b"))
    with pytest.raises(InputErrors, match=r"scores.csv: 5 problems") as caught:
        read_curves(path)
    columns = [error.where.split("`")[1] for error in caught.value.errors]
    assert columns == ["seed", "origin", "value", "value", "proxy"]


@pytest.mark.parametrize(
    ("column", "fix"),
    [
        ("task", "(also accepted: `language_pair`"),
        ("pretraining_mix", "`pretrain_mix`"),
        ("D_p", "`pretraining_tokens`"),
        ("metric", "`metric_name`"),
        ("value", "`score`"),
        ("origin", "or use --origin (argument `origin`)"),
    ],
)
def test_a_missing_column_is_named_with_its_aliases(column, fix):
    rows = [
        {name: cell for name, cell in row.items() if name != column}
        for row in study_rows()
    ]
    with pytest.raises(InputErrors) as caught:
        curves_from_rows(rows)
    (error,) = caught.value.errors
    assert error.what == f"the required column `{column}` is missing"
    assert error.where == "rows, row 1"
    assert fix in error.fix


def test_without_units_only_those_that_the_metric_does_not_tell_are_missing():
    rows = [row | {"unit": None} for row in study_rows()]
    with pytest.raises(InputErrors, match=r"column `unit`, rows 3, 6, 9") as caught:
        curves_from_rows(rows)
    assert len(caught.value.errors) == 1
    others = [row | {"metric": "comet"} for row in rows[::3]]
    for row in others:
        del row["unit"]
    with pytest.raises(InputErrors, match="required column `unit` is missing"):
        curves_from_rows(others)


def test_a_misspelt_required_column_is_recognised(tmp_path):
    path = tmp_path / "scores.csv"
    path.write_text(GOOD.replace("metric", "metrik"))
    with pytest.raises(InputErrors, match=r"did you mean `metric`\? .*`metrik`"):
        read_curves(path)


WIDE = "origin,task,pretraining_mix,D_p,{}\nmeasured,en-de,en,1e9,{}\n"
WRONG_WIDE = {
    "se_of_which": (
        *("bleu,chrf,stderr", "12,40,.3"),
        ["`se` does not identify its", "`stderr`, `bleu`, `chrf`", "`bleu_se`"],
    ),
    "unit_of_which": (
        *("bleu,ce,unit", "12,2,bits/byte"),
        ["`unit` does not identify its metric", "`<metric>_unit`"],
    ),
    "one_metric_twice": (
        *("bleu,ce,xent,ce_unit", "12,2,2,bits/byte"),
        ["two columns are read as `value` of cross_entropy", "`ce`, `xent`"],
    ),
    "value_out_of_range": (
        *("bleu,chrF", "12,400"),
        ["column `<metric>`, row 2 (chrf)", "400", "outside 0 to 100"],
    ),
    "value_of_one_metric": (*("chrF", "400"), ["column `chrF`, row 2 (chrf)"]),
    "no_unit": (
        *("bleu,ce", "12,2"),
        ["row 2 (cross_entropy)", "`<metric>_unit`", "argument `unit`"],
    ),
    "nothing_measured": (*("bleu", ""), ["no scores", "no usable row"]),
    "no_known_metric": (*("rouge", "12"), ["column `metric` is missing", "`value`"]),
}


@pytest.mark.parametrize("case", WRONG_WIDE.values(), ids=WRONG_WIDE)
def test_a_wrong_wide_table_is_refused(tmp_path, case):
    names, cells, parts = case
    path = tmp_path / "scores.csv"
    path.write_text(WIDE.format(names, cells))
    with pytest.raises(InputErrors) as caught:
        read_curves(path)
    for part in [*parts, "where:", "got:", "expected:", "fix:"]:
        assert part in str(caught.value), str(caught.value)


def test_a_mixture_without_a_name_is_one_problem_where_it_names_the_runs(tmp_path):
    path = tmp_path / "scores.csv"
    path.write_text(WIDE.format("bleu", "12").replace(",en,", ",,"))
    with pytest.raises(InputErrors, match=r"column `pretraining_mix`, row 2") as caught:
        read_curves(path)
    assert len(caught.value.errors) == 1


def test_a_common_unit_of_metrics_in_points_is_read(tmp_path):
    path = tmp_path / "scores.csv"
    path.write_text(WIDE.format("bleu,chrf,unit", "12,40,points"))
    assert set(read_curves(path).columns["unit"]) == {"points"}


def test_a_standard_error_without_its_metric_is_not_read(tmp_path):
    path = tmp_path / "scores.csv"
    path.write_text(WIDE.format("bleu,comet_se", "12,.1"))
    assert "column `comet_se` is not read" in read_curves(path).notes[0]


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ({"origin": "mesured"}, ["argument `origin`", "did you mean `measured`?"]),
        ({"origin": "simulated"}, ["rows 2, 3, 4, 5, 6", "omit the argument"]),
        ({"unit": "furlong"}, ["argument `unit`", "`furlong`", "`bits/byte`"]),
        ({"unit": "nats/token"}, ["column `unit`, row 3", "omit the argument"]),
    ],
)
def test_arguments_that_are_unknown_or_contradict_the_table_are_refused(
    tmp_path, arguments, parts
):
    path = tmp_path / "scores.csv"
    path.write_text(GOOD)
    with pytest.raises(InputError) as caught:
        read_curves(path, **arguments)
    for part in parts:
        assert part in str(caught.value), str(caught.value)


def test_a_unit_that_no_metric_can_have_is_refused():
    rows = [row for row in study_rows() if row["metric"] == "bleu"]
    with pytest.raises(InputErrors, match="argument `unit` contradicts the table"):
        curves_from_rows(rows, unit="bits/byte")


def test_a_pretraining_mixture_has_one_set_of_ratios():
    rows = study_rows()
    for row in rows[48:]:
        row["pretraining_mix"] = "en" if row["D_p"] else "none"
        row["alignment"] = ""
    with pytest.raises(InputErrors, match="has two sets of ratios") as caught:
        curves_from_rows(rows)
    assert "`en` {'de': 1.0} and {'en': 1.0}" in str(caught.value)


def test_rows_without_a_size_of_the_training_set_can_be_duplicates():
    row = {"run": "r", "origin": "simulated", "task": "a", "pretraining_mix": "en"}
    row |= {"D_p": 1e9, "bleu": 12}
    with pytest.raises(InputErrors, match="duplicate observations"):
        curves_from_rows([row, row])
    assert len(curves_from_rows([row | {"D_f": 1e6}, row])) == 2
    # An unreadable size is one problem, not two.
    with pytest.raises(InputErrors, match="1 problem"):
        curves_from_rows([row | {"D_f": "x"}, row | {"D_f": "y"}])


def test_a_directory_and_a_missing_file_are_refused(tmp_path, bayeslaw_command):
    with pytest.raises(InputError, match="a directory, not a table"):
        read_curves(tmp_path)
    (tmp_path / "scores.csv").write_text(GOOD)
    with pytest.raises(InputError, match=r"did you mean `.*scores.csv`\?"):
        read_curves(tmp_path / "score.csv")
    for path in (tmp_path, tmp_path / "score.csv"):
        status, _, err = bayeslaw_command("validate", path)
        assert status == 1
        assert "scores.csv" in err


@hypothesis.given(
    at=st.integers(0, len(GOOD) - 1),
    length=st.integers(0, 60),
    new=st.binary(max_size=6) | st.sampled_from([b'"', b",", b"\n", b"-", b"\r", b"{"]),
)
@hypothesis.settings(max_examples=100, deadline=None)
def test_a_table_damaged_anywhere_is_read_or_refused_in_five_parts(
    tmp_path_factory, at, length, new
):
    path = tmp_path_factory.mktemp("damaged") / "scores.csv"
    path.write_bytes(GOOD[:at].encode() + new + GOOD[at + length :].encode())
    message = "scores.csv, fix:"
    try:
        read_curves(path)
    except InputError as error:  # any other exception fails the test
        message = str(error)
    assert "scores.csv" in message
    assert "fix:" in message
