"""Tables of scores to disk and back, exactly."""

import subprocess
import sys

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from score_rows import study_rows

from bayeslaw.data.losses import append_rows
from bayeslaw.data.scores import curves_from_rows, read_curves, write_curves

# Any text a user may call something, except what a table cannot tell apart.
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
NAMES = NAMES.map(str.strip).filter(bool)
MIXES = NAMES.filter(lambda name: name.lower() != "none")
POSITIVE = st.floats(min_value=5e-324, allow_infinity=False)
METRICS = {
    "bleu": ("points", st.floats(0, 100)),
    "chrf": ("points", st.floats(0, 100)),
    "comet": ("fraction", st.floats(-10, 10)),
    "cross_entropy": ("nats/token", POSITIVE),
}


@st.composite
def tables(draw) -> list[dict]:
    tasks = draw(st.lists(NAMES, min_size=1, max_size=2, unique=True))
    metrics = draw(st.lists(st.sampled_from(list(METRICS)), min_size=1, unique=True))
    names = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    mixes = draw(st.lists(MIXES, min_size=1, max_size=3, unique=True))
    ratios = [{mix: 1.0} for mix in mixes]
    rows = []
    for i, run in enumerate(names):
        which = i % len(mixes)
        fixed = {"run": run, "seed": draw(st.none() | st.integers(0, 99))}
        fixed |= {"N": draw(st.none() | POSITIVE), "tokenizer": draw(NAMES)}
        fixed |= {"origin": draw(st.sampled_from(["measured", "simulated"]))}
        fixed |= {"mixture": draw(st.none() | st.just(ratios[which]))}
        tokens = st.just(0.0) | POSITIVE
        for D_p in draw(st.lists(tokens, min_size=1, max_size=3, unique=True)):
            mix = mixes[which] if D_p else draw(st.sampled_from(["none", mixes[which]]))
            for task in tasks:
                for metric in metrics:
                    unit, values = METRICS[metric]
                    row = {"task": task, "pretraining_mix": mix, "D_p": D_p}
                    row |= {"metric": metric, "unit": unit, "value": draw(values)}
                    row |= {"se": draw(st.none() | st.floats(0, 1))}
                    row |= {"D_f": draw(st.none() | POSITIVE)}
                    rows.append(fixed | row | {"versions": draw(NAMES)})
    return rows


@hypothesis.given(rows=tables(), ending=st.sampled_from(["csv", "parquet"]))
@hypothesis.settings(max_examples=25, deadline=None)
def test_a_written_table_reads_back_equal(tmp_path_factory, rows, ending):
    table = curves_from_rows(rows)
    path = tmp_path_factory.mktemp("round") / f"table.{ending}"
    write_curves(table, path)
    again = read_curves(path)
    assert again.sha256 == table.sha256
    assert again.mixtures == table.mixtures
    assert again.curves == table.curves
    for name, cells in table.columns.items():
        np.testing.assert_array_equal(again.columns[name], cells)


@hypothesis.given(rows=tables(), at=st.floats(0, 1))
@hypothesis.settings(max_examples=15, deadline=None)
def test_rows_appended_in_two_parts_read_back_equal(tmp_path_factory, rows, at):
    path = tmp_path_factory.mktemp("append") / "table.csv"
    cut = int(at * len(rows))
    append_rows(path, rows[:cut])
    append_rows(path, rows[cut:])
    assert read_curves(path).sha256 == curves_from_rows(rows).sha256


@hypothesis.given(rows=tables(), column_order=st.randoms(use_true_random=False))
@hypothesis.settings(max_examples=15, deadline=None)
def test_the_hash_does_not_depend_on_column_order(rows, column_order):
    names = list(rows[0])
    column_order.shuffle(names)
    turned = [{name: row[name] for name in names} for row in rows]
    assert curves_from_rows(turned).sha256 == curves_from_rows(rows).sha256


@hypothesis.given(rows=tables())
@hypothesis.settings(max_examples=15, deadline=None)
def test_every_row_is_a_point_of_one_curve_or_a_baseline(rows):
    table = curves_from_rows(rows)
    points = sum((table.rows_of(curve) for curve in table.curves), np.zeros(len(table)))
    np.testing.assert_array_equal(points, table.columns["D_p"] > 0)


def test_validating_4800_scores_costs_less_than_half_a_cpu_second(tmp_path):
    path = tmp_path / "table.csv"
    rows = [
        row | {"run": f"{row['run']}{i}"} for i in range(50) for row in study_rows()
    ]
    append_rows(path, rows)
    code = (
        "import sys, time; from bayeslaw.data.scores import validate, validate_report\n"
        "validate_report(validate(sys.argv[1])); print(time.process_time())"
    )
    command = [sys.executable, "-c", code, str(path)]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert float(out) < 0.5


@pytest.mark.parametrize("value", ["12.5", "0.30000000000000004"])
def test_numbers_are_written_exactly(tmp_path, value):
    row = {"run": "r", "origin": "simulated", "task": "a", "pretraining_mix": "en"}
    row |= {"D_p": 1e9, "metric": "bleu", "unit": "points", "value": float(value)}
    write_curves(curves_from_rows([row]), tmp_path / "table.csv")
    header, line = (tmp_path / "table.csv").read_text().splitlines()
    assert header == "run,origin,task,pretraining_mix,D_p,metric,unit,value"
    assert line == f"r,simulated,a,en,1000000000.0,bleu,points,{value}"
