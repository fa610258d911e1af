"""Convert a table of scores of any accepted shape to long cells."""

import re
from collections.abc import Mapping
from dataclasses import replace

from bayeslaw.data.losses import melted, named
from bayeslaw.data.scores.metrics import METRICS, metric_name
from bayeslaw.data.scores.score_columns import CURVES
from bayeslaw.data.table import Cells, Findings, first_ten, nearest, plain_name, quoted

# Columns that belong to one metric of a row, and must say to which.
_OF_A_METRIC = ("se", "unit", "signature")


def canonical_cells(cells: Cells, findings: Findings) -> Cells:
    """Return a table of any accepted shape as long cells under canonical names.

    Accepted: long tables (one row per metric) and wide ones, with a column for each
    metric that is known by name (`bleu`, `chrf`, `comet`, `cross_entropy`) and, if
    given, `bleu_se`, `bleu_unit`, `bleu_signature` and the like.
    """
    wide = _wide_columns(cells, findings)
    taken = {heading for group in wide.values() for heading in group.values()}
    plain = {name: cells.columns[name] for name in cells.columns if name not in taken}
    long = named(replace(cells, columns=plain), CURVES, findings)
    if not wide:
        return _with_metric_names(long, findings)
    _check_owners(long, wide, findings)
    _note_headings(cells, wide, findings)
    rows = melted(long, cells, wide, "metric", findings)
    return replace(rows, headings={**long.headings, **_headings(wide)})


def _wide_columns(cells: Cells, findings: Findings) -> dict[str, dict[str, str]]:
    """Return canonical name -> {metric: heading}; empty if the table is long."""
    if any(CURVES.canonical_name(heading) == "value" for heading in cells.columns):
        return {}
    wide: dict[str, dict[str, str]] = {}
    for heading in cells.columns:
        if CURVES.canonical_name(heading):
            continue
        name, metric = _owner(heading)
        if not metric:
            continue
        if metric in wide.get(name, {}):
            findings.problem(
                f"two columns are read as `{name}` of {metric}",
                f"{cells.file}, row 1",
                quoted([wide[name][metric], heading]),
                "one column for each metric",
                "rename the one that should be ignored, for example with a prefix old_",
            )
            continue
        wide.setdefault(name, {})[metric] = heading
    # A standard error of a metric that has no column is not read, and noted as such.
    values = wide.get("value", {})
    owned = {
        name: {metric: heading for metric, heading in group.items() if metric in values}
        for name, group in wide.items()
    }
    return {name: group for name, group in owned.items() if group}


def _owner(heading: str) -> tuple[str, str | None]:
    """Return what a heading such as `bleu_se` is (`se`), and of which metric."""
    if metric := metric_name(heading):
        return "value", metric
    plain = plain_name(heading).replace("/", "_")
    match = re.fullmatch(r"(.+)_(se|stderr|unit|signature)", plain)
    if match is None:
        return "", None
    return CURVES.spellings[match[2]], metric_name(match[1])


def _check_owners(
    long: Cells, wide: Mapping[str, Mapping[str, str]], findings: Findings
) -> None:
    """Find columns such as `se` that do not identify one of several metrics."""
    metrics = list(wide["value"])
    for name in _OF_A_METRIC:
        is_common = name == "unit" and len({METRICS[m].units for m in metrics}) == 1
        if len(metrics) == 1 or name not in long.columns or name in wide or is_common:
            continue
        findings.problem(
            f"column `{name}` does not identify its metric",
            f"{long.file}, row 1",
            quoted([long.headings.get(name, name), *wide["value"].values()]),
            f"one column `<metric>_{name}` for each metric that has it",
            f"rename the column, e.g. to `{wide['value'][metrics[0]]}_{name}`",
        )


def _note_headings(
    cells: Cells, wide: Mapping[str, Mapping[str, str]], findings: Findings
) -> None:
    read = [
        (heading, metric + ("" if name == "value" else f"_{name}"))
        for name, of_metric in wide.items()
        for metric, heading in of_metric.items()
    ]
    renamed = [f"`{heading}` as `{name}`" for heading, name in read if heading != name]
    if renamed:
        findings.note(
            f"{cells.file}: columns of metrics read under another name: "
            f"{first_ten(renamed)}"
        )


def _headings(wide: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return canonical name -> name of the columns of all metrics in messages."""
    return {
        name: next(iter(of_metric.values()))
        if len(of_metric) == 1
        else "<metric>" + ("" if name == "value" else f"_{name}")
        for name, of_metric in wide.items()
    }


def _with_metric_names(cells: Cells, findings: Findings) -> Cells:
    """Return the cells with known metrics under their canonical names."""
    texts = cells.columns.get("metric")
    if texts is None:
        return cells
    canonical = {text: metric_name(text) or text for text in dict.fromkeys(texts)}
    renamed = [f"`{t}` as `{name}`" for t, name in canonical.items() if t != name]
    if renamed:
        findings.note(
            f"{cells.where('metric')}: read under another name: {first_ten(renamed)}"
        )
    for name in canonical.values():
        if name not in METRICS and (near := nearest(name, METRICS)):
            findings.note(
                f"{cells.where('metric')}: `{name}` is not a known metric, so its unit "
                f"and range are not checked; did you mean `{near}`?"
            )
    metrics = [canonical[text] for text in texts]
    return replace(cells, columns={**cells.columns, "metric": metrics})
