"""Every wrong table gives file, row or column, what was found, wanted and fix."""

import gzip

import hypothesis
import hypothesis.strategies as st
import pytest

from bayeslaw.data.losses import read_runs, table_from_rows
from bayeslaw.errors import InputError, InputErrors

HEADER = "run,seed,origin,proxy,N,D,schedule,family,p,metric,unit,value,se\n"
GOOD = (
    HEADER
    + """\
r1,0,measured,d4,4096,1000000,trunk,romance,0.25,loss,bits/byte,2.5,0.01
r1,0,measured,d4,4096,1000000,trunk,uralic,0.75,loss,bits/byte,2.25,0.01
r2,1,measured,d8,8192,2000000,cooled,romance,0.5,loss,bits/byte,2.0,0.02
r2,1,measured,d8,8192,2000000,cooled,uralic,0.5,loss,bits/byte,1.75,0.02
"""
)

# Name of the case -> (replaced text, new text, column in the message or None,
# parts of the message: rows, offending values, wanted, fix). The first occurrence is
# replaced; an empty replaced text means "after the last row".
ONE_CELL = {
    "negative_loss": (
        "2.5",
        "-2.5",
        "value",
        ["row 2", "-2.5", "loss above 0", "not its logarithm"],
    ),
    "zero_loss": ("2.5", "0", "value", ["row 2", "loss is not above 0"]),
    "word_for_a_number": ("2.5", "two", "value", ["row 2", "two", "plain number"]),
    "empty_loss": ("2.5", "", "value", ["row 2", "nothing", "fill the cell"]),
    "nan_loss": ("2.5", "nan", "value", ["row 2", "nan", "finite", "diverged"]),
    "not_available_loss": ("2.5", "NA", "value", ["row 2", "NA", "a finite number"]),
    "infinite_loss": ("2.5", "inf", "value", ["row 2", "inf", "a finite number"]),
    "overflowing_se": ("0.01", "1e999", "se", ["row 2", "1e999", "a finite number"]),
    "decimal_comma": ("2.5", '"2,5"', "value", ["row 2", "2,5", "decimal point"]),
    "suffixed_size": ("4096", "1.2B", "N", ["row 2", "1.2B", "1.2B is 1.2e9"]),
    "percent_sign": ("0.25", "25%", "p", ["row 2", "25%", "12% is 0.12"]),
    "negative_se": ("0.01", "-1", "se", ["row 2", "-1", "0 or more", "leave the cell"]),
    "negative_size": ("4096", "-4096", "N", ["row 2", "-4096", "above 0"]),
    "no_tokens": ("1000000", "0", "D", ["row 2", "above 0", "tokens trained on"]),
    "ratio_above_one": (
        "0.25",
        "1.2",
        "p",
        ["row 2", "1.2", "[0, 1]", "divide by 100"],
    ),
    "negative_ratio": ("0.25", "-0.1", "p", ["row 2", "-0.1", "[0, 1]", "percentages"]),
    "broken_seed": ("r1,0,", "r1,0.5,", "seed", ["row 2", "0.5", "a whole number"]),
    "unknown_origin": (
        "measured",
        "mesured",
        "origin",
        ["row 2", "mesured", "`measured`, `published`, `simulated`", "did you mean"],
    ),
    "unknown_schedule": ("trunk", "warm", "schedule", ["row 2", "warm", "`cooled`"]),
    "unknown_unit": (
        "bits/byte",
        "bits/bite",
        "unit",
        ["row 2", "bits/bite", "`nats/token`", "did you mean `bits/byte`?"],
    ),
    "perplexity": ("bits/byte", "ppl", "unit", ["row 2", "ppl", "ln(perplexity"]),
    "loss_in_points": ("bits/byte", "points", "unit", ["row 2", "wrong units"]),
    "mixed_units": (
        "bits/byte",
        "nats/byte",
        "unit",
        ["`bits/byte` in 3 rows from row 3", "`nats/byte` in 1 rows from row 2"],
    ),
    "empty_family": ("romance", "", "family", ["row 2", "nothing", "fill the cells"]),
    "empty_run": ("r1,", ",", "run", ["row 2", "nothing", "fill the cells"]),
    "ratios_not_summing_to_one": (
        "0.25",
        "0.2",
        "p",
        ["row 2", "run `r1` 0.95", "sum to 1 (within 1e-6)", "give every family"],
    ),
    "two_seeds": (
        "r1,0",
        "r1,7",
        "seed",
        ["row 3", "run `r1` 0 after 7", "one `seed`"],
    ),
    "two_sizes": ("4096", "4097", "N", ["row 3", "run `r1` 4096 after 4097"]),
    "two_shapes": ("d4", "d5", "proxy", ["row 3", "run `r1` d4 after d5", "run name"]),
    "duplicate_row": (
        "",
        "r1,0,measured,d4,4096,1000000,trunk,uralic,0.75,loss,bits/byte,2.3,0.01\n",
        None,
        ["row 6", "uralic, loss: 2.25 and 2.3 (first in row 3)", "true duplicates"],
    ),
    "second_ratio_of_a_family": (
        "",
        "r1,0,measured,d4,4096,2000000,trunk,uralic,0.7,loss,bits/byte,2.1,0.01\n",
        "p",
        ["row 6", "0.7 against 0.75", "the same in all rows", "run name"],
    ),
    "torn_row": ("", "r1,0,measured,d4\n", None, ["row 6", "4 cells", "13 cells"]),
    "open_quote": (
        "r2,1",
        '"r2,1',
        None,
        ["row 4", "unexpected end", "close the quote"],
    ),
}


@pytest.mark.parametrize("case", ONE_CELL.values(), ids=ONE_CELL)
def test_one_wrong_cell_is_named_with_row_value_wanted_and_fix(tmp_path, case):
    old, new, column, parts = case
    path = tmp_path / "observations.csv"
    path.write_text(GOOD.replace(old, new, 1) if old else GOOD + new)
    with pytest.raises(InputError) as caught:
        read_runs(path)
    message = str(caught.value)
    where = f"observations.csv, column `{column}`" if column else "observations.csv"
    for part in [where, *parts, "where:", "got:", "expected:", "fix:", str(path)]:
        assert part in message, message
    if isinstance(caught.value, InputErrors):
        assert len(caught.value.errors) == 1, message


# Bytes of a file that is no table -> parts of the message.
NO_TABLE = {
    "empty_file": (b"", ["the file is empty", "no text", "has finished"]),
    "blank_file": (b"\xef\xbb\xbf \n\n", ["the file is empty"]),
    "header_only": (HEADER.encode(), ["a header but no rows", "`run`, `seed`"]),
    "binary_file": (b"a,b\n1,\0\n", ["row 2", "a zero byte", "give a CSV"]),
    "latin_1": (GOOD.encode() + b"\xe9", ["row 6", "byte 0xe9", "UTF-8"]),
    "utf_16": (GOOD.encode("utf-16"), ["UTF-16", "save the table as CSV in UTF-8"]),
    "gzip_cut_off": (
        gzip.compress(GOOD.encode())[:60],
        ["gzip file cannot be unpacked", "end-of-stream", "truncated"],
    ),
    "gzip_of_nothing": (gzip.compress(b"\0"), ["a zero byte"]),
    "gzip_damaged": (
        gzip.compress(GOOD.encode())[:-8] + b"12345678",
        ["gzip file cannot be unpacked", "CRC check failed"],
    ),
    "spreadsheet": (b"PK\x03\x04rest", ["a spreadsheet", "save the sheet as CSV"]),
    "broken_parquet": (b"PAR1 and nothing else", ["complete Parquet", "truncated"]),
    "semicolons": (GOOD.replace(",", ";").encode(), ["row 1", "semicolons", "commas"]),
    "tabs": (GOOD.replace(",", "\t").encode(), ["row 1", "separated by tabs"]),
    "same_column_twice": (GOOD.replace("proxy", "seed").encode(), ["row 1", "`seed`"]),
}


@pytest.mark.parametrize("case", NO_TABLE.values(), ids=NO_TABLE)
def test_a_file_that_is_no_table_is_refused(tmp_path, case):
    content, parts = case
    path = tmp_path / "observations.csv"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_runs(path)
    message = str(caught.value)
    for part in [str(path), *parts, "where:", "got:", "expected:", "fix:"]:
        assert part in message, message


def test_csv_under_the_name_of_parquet_is_refused(tmp_path):
    path = tmp_path / "observations.parquet"
    path.write_text(GOOD)
    with pytest.raises(InputError, match="the file is not Parquet"):
        read_runs(path)


def test_a_missing_file_is_refused_with_its_nearest_neighbour(tmp_path):
    (tmp_path / "observations.csv").write_text(GOOD)
    with pytest.raises(InputError, match=r"did you mean `.*/observations.csv`\?"):
        read_runs(tmp_path / "observation.csv")
    with pytest.raises(InputError, match="check the path"):
        read_runs(tmp_path / "absent" / "x.csv")


def test_a_directory_is_refused_with_the_table_in_it(tmp_path):
    with pytest.raises(InputError, match="no CSV or Parquet file"):
        read_runs(tmp_path)
    (tmp_path / "observations.csv").write_text(GOOD)
    with pytest.raises(InputError) as caught:
        read_runs(tmp_path)
    assert "a directory, not a table" in str(caught.value)
    assert f"give the file: {tmp_path / 'observations.csv'}" in str(caught.value)


def test_all_problems_are_raised_together(tmp_path):
    path = tmp_path / "observations.csv"
    text = GOOD.replace("0.25", "1.5").replace("2.25", "-1").replace("trunk", "x")
    path.write_text(text.replace("bits/byte", "furlong").replace("r2,1", "r2,nan?"))
    with pytest.raises(InputErrors, match=r"observations.csv: 5 problems") as caught:
        read_runs(path)
    columns = [error.where.split("`")[1] for error in caught.value.errors]
    assert columns == ["seed", "p", "schedule", "unit", "value"]


def test_the_first_ten_rows_are_named_and_the_others_counted(tmp_path):
    path = tmp_path / "observations.csv"
    row = "r{0},0,measured,d4,4096,1000000,trunk,all,1,loss,bits/byte,-{0},0.01\n"
    path.write_text(HEADER + "".join(row.format(i) for i in range(1, 24)))
    with pytest.raises(
        InputErrors, match=r"rows 2, 3, .* 10, 11 and 13 more"
    ) as caught:
        read_runs(path)
    assert "-1, -2, -3, -4, -5, -6, -7, -8, -9, -10 and 13 more" in str(caught.value)


def test_percentages_are_recognised_by_their_sum(tmp_path):
    path = tmp_path / "observations.csv"
    text = GOOD.replace("0.25", "25").replace("0.75", "75").replace("0.5,", "50,")
    path.write_text(text)
    with pytest.raises(InputErrors) as caught:
        read_runs(path)
    (error,) = caught.value.errors
    assert error.got == "25, 75, 50, 50"
    assert error.fix == "the ratios of a run sum to about 100: divide the ratios by 100"


@pytest.mark.parametrize(
    ("column", "fix"),
    [
        ("run", "add a column `run` (also accepted: `run_id`"),
        ("N", "`params`"),
        ("family", "`language`"),
        ("value", "`loss`"),
        ("unit", "or use --unit (argument `unit`)"),
        ("origin", "or use --origin (argument `origin`)"),
    ],
)
def test_a_missing_column_is_named_with_its_aliases(tmp_path, column, fix):
    rows = [line.split(",") for line in GOOD.splitlines()]
    at = rows[0].index(column)
    path = tmp_path / "observations.csv"
    path.write_text("\n".join(",".join(row[:at] + row[at + 1 :]) for row in rows))
    with pytest.raises(InputErrors) as caught:
        read_runs(path)
    (error,) = caught.value.errors
    assert error.what == f"the required column `{column}` is missing"
    assert error.where == "observations.csv, row 1"
    assert "`seed`, " in error.got
    assert fix in error.fix


def test_a_misspelt_required_column_is_recognised(tmp_path):
    path = tmp_path / "observations.csv"
    path.write_text(GOOD.replace("family", "familly"))
    with pytest.raises(InputErrors, match=r"did you mean `family`\? .*`familly`"):
        read_runs(path)
    # Ratios may be missing altogether, but not by a slip of the pen.
    path.write_text(GOOD.replace(",p,", ",sampling_ration,"))
    with pytest.raises(InputErrors, match=r"did you mean `p`\? .*`sampling_ration`"):
        read_runs(path)


def test_a_single_missing_ratio_is_refused(tmp_path):
    path = tmp_path / "observations.csv"
    path.write_text(GOOD.replace("0.25", ""))
    with pytest.raises(InputErrors, match="0 where the run was not trained") as caught:
        read_runs(path)
    assert "column `p`, row 2" in str(caught.value)


@pytest.mark.parametrize(
    ("keep", "parts"),
    [
        ("splitt", ["argument `keep`", "`splitt`", "did you mean `split`?"]),
        ("value", ["`value`", "remove it from `keep`: it is read as `value`"]),
        ("width", ["`width`", "remove it from `keep`"]),
    ],
)
def test_a_column_that_cannot_be_kept_is_refused(tmp_path, keep, parts):
    path = tmp_path / "observations.csv"
    path.write_text(GOOD.replace("proxy", "split"))
    with pytest.raises(InputError) as caught:
        read_runs(path, keep=[keep])
    for part in [*parts, "observations.csv", "where:", "got:", "expected:"]:
        assert part in str(caught.value)


def test_two_columns_for_one_quantity_are_refused(tmp_path):
    path = tmp_path / "observations.csv"
    path.write_text(GOOD.replace(",se\n", ",loss\n"))
    with pytest.raises(InputErrors) as caught:
        read_runs(path)
    (error,) = caught.value.errors
    assert error.what == "two columns are read as `value`"
    assert error.got == "`value`, `loss`"


def test_ratios_without_families_are_refused(tmp_path):
    path = tmp_path / "observations.csv"
    path.write_text("run,N,D,loss,p_a,p_b\nr1,1e6,1e8,2,.5,.5\n")
    with pytest.raises(InputErrors, match="required column `family` is missing"):
        read_runs(path, origin="measured", unit="bits/byte")


def test_a_wide_table_without_any_loss_is_refused(tmp_path):
    path = tmp_path / "observations.csv"
    path.write_text("run,N,D,loss_a,p_a\nr1,1e6,1e8,,1\n")
    with pytest.raises(InputErrors, match="no observations"):
        read_runs(path, origin="measured", unit="bits/byte")


def test_percentages_of_a_wide_table_are_one_problem(tmp_path):
    path = tmp_path / "observations.csv"
    path.write_text("run,N,D,loss_a,loss_b,p_a,p_b\nr1,1e6,1e8,2,3,40,60\n")
    with pytest.raises(InputErrors, match=r"observations.csv: 1 problem") as caught:
        read_runs(path, origin="measured", unit="bits/byte")
    assert "`p_<family>`, rows 2 (a), 2 (b)" in str(caught.value)
    assert "divide the ratios by 100" in str(caught.value)


def test_rows_of_a_wide_table_are_named_with_their_family(tmp_path):
    path = tmp_path / "observations.csv"
    path.write_text("run,N,D,loss_a,loss_b,p_a,p_b\nr1,1e6,1e8,2,-3,.5,.5\n")
    with pytest.raises(InputErrors, match=r"column `loss_<family>`, row 2 \(b\)"):
        read_runs(path, origin="measured", unit="bits/byte")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ({"origin": "mesured"}, ["argument `origin`", "`mesured`", "did you mean"]),
        ({"unit": "furlong"}, ["argument `unit`", "`furlong`", "`bits/byte`"]),
        (
            {"origin": "simulated"},
            ["rows 2, 3, 4, 5", "measured", "omit the argument"],
        ),
        ({"unit": "nats/token"}, ["column `unit`", "bits/byte", "omit the argument"]),
    ],
)
def test_arguments_that_are_unknown_or_contradict_the_table_are_refused(
    tmp_path, arguments, parts
):
    path = tmp_path / "observations.csv"
    path.write_text(GOOD)
    with pytest.raises(InputError) as caught:
        read_runs(path, **arguments)
    for part in parts:
        assert part in str(caught.value)


def rows_with(mixture: str) -> list[dict]:
    row = {"run": "r1", "origin": "measured", "N": 1e6, "D": 1e8, "family": "a"}
    return [row | {"p": 0.4, "unit": "bits/byte", "value": 2.0, "mixture": mixture}]


@pytest.mark.parametrize(
    ("mixture", "part"),
    [
        ('{"a": 0.4, "b": 0.5}', "run `r1` 0.9"),
        ('{"a": 40, "b": 60}', "look like percentages"),
        ('{"a": 0.5, "b": 0.5}', "0.4 against 0.5"),
        ('{"b": 1.0}', "0.4 against 0"),
        ('{"a": 0.4, "b": "x"}', "`b` is 'x'"),
        ('{"a": 1.4, "b": -0.4}', "`b` is -0.4"),
        ('{"a": 0.4, "a": 0.6}', "`a` appears twice"),
        ("{a: 0.4}", "not JSON"),
        ("[0.4, 0.6]", "not an object"),
    ],
)
def test_a_wrong_mixture_is_refused(mixture, part):
    with pytest.raises(InputErrors) as caught:
        table_from_rows(rows_with(mixture))
    assert part in str(caught.value)


def test_a_run_has_one_mixture():
    one, other = rows_with('{"a": 0.4, "b": 0.6}') + rows_with('{"a": 0.4, "c": 0.6}')
    with pytest.raises(InputErrors, match="a run has two mixtures"):
        table_from_rows([one, other | {"D": 2e8}])


METRICS = "run,N,D,family,loss\nr1,1e6,1e8,a,2\nr1,1e6,1e8,b,2\nr3,1e6,1e8,a,2\n"


@pytest.mark.parametrize(
    ("ratios", "parts"),
    [
        (
            "run,a,b\nr1,.5,.5\nr2,.5,.5\nr3,1,0\n",
            ["metrics.csv", "`r2`", "ratios.csv"],
        ),
        ("run,a,b\nr1,.5,.5\n", ["metrics.csv, column `run`, row 4", "`r3`"]),
        ("run,a\nr1,1\nr3,1\n", ["row 3", "run `r1`, family `b`", "add the family"]),
        ("run,a,b\nr1,.5,.4\nr3,1,0\n", ["ratios.csv, row 2", "run `r1` 0.9"]),
        ("run,a,b\nr1,.5,x\nr3,1,0\n", ["ratios.csv, row 2", "`b` x", "`p_<family>`"]),
        ("run,a,b\nr1,.5,.5\nr1,1,0\nr3,1,0\n", ["ratios.csv, rows 3, 3", "run `r1`"]),
        ("name_of_run,a,b\nr1,.5,.5\n", ["`name_of_run`", "add the column `run`"]),
    ],
)
def test_metrics_and_ratios_that_do_not_fit_are_refused(tmp_path, ratios, parts):
    (tmp_path / "metrics.csv").write_text(METRICS)
    (tmp_path / "ratios.csv").write_text(ratios)
    with pytest.raises(InputError) as caught:
        read_runs(tmp_path, origin="measured", unit="bits/byte")
    for part in parts:
        assert part in str(caught.value), str(caught.value)


@hypothesis.given(
    at=st.integers(0, len(GOOD) - 1),
    length=st.integers(0, 60),
    new=st.binary(max_size=6) | st.sampled_from([b'"', b",", b"\n", b"-", b"\r", b"{"]),
)
@hypothesis.settings(max_examples=100, deadline=None)
def test_a_table_damaged_anywhere_is_read_or_refused_in_five_parts(
    tmp_path_factory, at, length, new
):
    path = tmp_path_factory.mktemp("damaged") / "observations.csv"
    path.write_bytes(GOOD[:at].encode() + new + GOOD[at + length :].encode())
    message = "observations.csv, fix:"
    try:
        read_runs(path)
    except InputError as error:  # any other exception fails the test
        message = str(error)
    assert "observations.csv" in message
    assert "fix:" in message
