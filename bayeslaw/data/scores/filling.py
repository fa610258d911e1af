"""Fill in what a table of scores may omit because the rest of it implies it."""

from dataclasses import replace

from bayeslaw.data.scores.metrics import FIXED_UNITS, POINTS
from bayeslaw.data.table import Cells, Findings, filled, first_ten


def with_units(cells: Cells, unit: str | None, findings: Findings) -> Cells:
    """Return the cells with the units that follow from the metric or an argument.

    Args:
      cells: canonical cells.
      unit: argument of the caller; it applies to metrics that may have several units
        if there are any, else to all.
      findings: collects contradictions, and notes what was filled.
    """
    count = len(cells.lines)
    metrics = cells.columns.get("metric", [""] * count)
    texts = cells.columns.get("unit", [""] * count)
    assumed = [i for i in range(count) if not texts[i] and metrics[i] in FIXED_UNITS]
    if assumed:
        texts = [
            text or FIXED_UNITS.get(m, "")
            for text, m in zip(texts, metrics, strict=True)
        ]
        of_metrics = first_ten(dict.fromkeys(metrics[i] for i in assumed))
        findings.note(
            f"{cells.file}: no unit in {len(assumed)} rows of {of_metrics}; they are "
            f"read as {POINTS} (0 to 100)"
        )
        cells = replace(cells, columns={**cells.columns, "unit": texts})
    is_open = [metric not in FIXED_UNITS for metric in metrics]
    speaks = is_open if any(is_open) else [True] * count
    return filled(cells, {"unit": unit}, findings, is_open=speaks)


def with_runs(cells: Cells, findings: Findings) -> Cells:
    """Return the cells with a column `run`, constructed if there is none."""
    if any(cells.columns.get("run", [])) or "pretraining_mix" not in cells.columns:
        return cells
    empty = [""] * len(cells.lines)
    rows = zip(
        cells.columns["pretraining_mix"],
        cells.columns.get("N", empty),
        cells.columns.get("seed", empty),
        strict=True,
    )
    runs = [_run_name(mix, size, seed) for mix, size, seed in rows]
    findings.note(
        f"{cells.file}: no column `run`; each combination of pretraining_mix, N and "
        f"seed is read as a run, {len(set(runs))} in all"
    )
    return replace(cells, columns={**cells.columns, "run": runs})


def _run_name(mix: str, size: str, seed: str) -> str:
    given = [(name, text) for name, text in (("N", size), ("seed", seed)) if text]
    # A mixture without a name is reported with its column.
    return ", ".join([mix or "?", *(f"{name} {_plain(text)}" for name, text in given)])


def _plain(text: str) -> str:
    try:
        return f"{float(text):.10g}"
    except ValueError:
        return text  # reported with its column
