"""Checks of scores: their range, and consistency within a row, run or task."""

from collections.abc import Mapping, Sequence
from typing import Any

from bayeslaw.data.losses import TOLERANCE, Mixture, agree, given_mixtures
from bayeslaw.data.scores.curve import NOT_PRETRAINED
from bayeslaw.data.scores.metrics import FIXED_UNITS
from bayeslaw.data.table import (
    CONSTANT_IN_A_RUN,
    Cells,
    Findings,
    check_constant,
    check_runs,
)

Columns = Mapping[str, Sequence[Any]]


def check_points(cells: Cells, columns: Columns, findings: Findings) -> None:
    """Find scores in points that are not between 0 and 100."""
    rows = zip(columns["value"], columns["metric"], strict=True)
    bad = [
        (cells.row(i), f"{value:.10g}")
        for i, (value, metric) in enumerate(rows)
        if metric in FIXED_UNITS and not 0 <= value <= 100 and value == value
    ]
    findings.bad_cells(
        "BLEU or chrF outside 0 to 100",
        cells.where("value"),
        bad,
        "a score in points, 0 to 100",
        "check the metric of the rows, and that they were not multiplied by 100 twice",
    )


def check_pretraining(cells: Cells, columns: Columns, findings: Findings) -> None:
    """Find models pretrained without a mixture, and runs that change their mixture."""
    rows = list(zip(columns["pretraining_mix"], columns["D_p"], strict=True))
    bad = [
        (cells.row(i), f"{mix} with D_p {tokens:.10g}")
        for i, (mix, tokens) in enumerate(rows)
        if mix == NOT_PRETRAINED and tokens > 0
    ]
    findings.bad_cells(
        f"tokens of pretraining, but the mixture is `{NOT_PRETRAINED}`",
        cells.where("pretraining_mix"),
        bad,
        f"the name of the mixture; `{NOT_PRETRAINED}` only where D_p is 0",
        "give the name of the mixture, or set D_p to 0",
    )
    # A run's untrained model belongs to it, but has no mixture yet.
    mixes = ["" if mix == NOT_PRETRAINED else mix for mix, _ in rows]
    names = (*CONSTANT_IN_A_RUN, "pretraining_mix")
    check_runs(cells, {**columns, "pretraining_mix": mixes}, findings, names)


def check_alignments(cells: Cells, columns: Columns, findings: Findings) -> None:
    """Find tasks whose alignment with one pretraining mixture changes."""
    rows = zip(columns["task"], columns["pretraining_mix"], columns["D_p"], strict=True)
    check_constant(
        cells,
        columns,
        ["alignment"],
        findings,
        noun="task and mixture",
        # Without pretraining nothing is aligned, whatever the mixture would have been.
        groups=[
            f"`{task}`, `{mix}`" if tokens > 0 and task and mix else ""
            for task, mix, tokens in rows
        ],
        scope="pretrained models of a task and a pretraining mixture",
        fix="correct the alignment, or give each mixture its own name",
    )


def mixtures_by_name(
    cells: Cells, columns: Columns, findings: Findings
) -> dict[str, Mixture]:
    """Return pretraining_mix -> mixture from the column `mixture`, where given."""
    of_runs = given_mixtures(cells, {}, TOLERANCE, findings, can_normalise=False)
    mixtures: dict[str, Mixture] = {}
    torn = []
    rows = zip(columns["run"], columns["pretraining_mix"], columns["D_p"], strict=True)
    for i, (run, mix, tokens) in enumerate(rows):
        if run not in of_runs or not tokens > 0 or not mix:
            continue
        known = mixtures.setdefault(mix, of_runs[run])
        if known is not of_runs[run] and not agree(known, of_runs[run]):
            torn.append((cells.row(i), f"`{mix}` {of_runs[run]} and {known}"))
    findings.bad_cells(
        "a pretraining mixture has two sets of ratios",
        cells.where("mixture"),
        torn,
        "one mixture for each pretraining_mix, the same in all its rows",
        "give each pretraining mixture its own name, or correct the ratios",
    )
    return mixtures
