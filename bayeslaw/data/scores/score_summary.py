"""Summarise a table of scores, as a dictionary and as plain text."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from bayeslaw.data.scores.curve import NOT_PRETRAINED, plain, rows_of_curves
from bayeslaw.data.scores.score_reading import CheckedCurves
from bayeslaw.data.table import (
    counts_text,
    distinct,
    extent,
    extent_text,
    page,
    span_text,
)


def summarise(rows: CheckedCurves) -> dict[str, Any]:
    """Return counts, ranges, curves and notes of a table, ready for JSON.

    Returns:
      source; rows, runs: counts; tasks, pretraining_mixes: in order of first
      appearance, without `none`; origins: word -> rows; units: metric -> unit; N, D_p,
      D_f, pairs, seeds, proxies, tokenizers: sorted distinct values (D_p above 0);
      not_pretrained: rows with D_p = 0; alignment: lowest and highest of pretrained
      models; with_se: rows with a standard error; curves: one record per curve with
      its rows, values of D_p, seeds and lowest and highest value; ranges: one record
      per task and metric with its rows, curves, fewest and most values of D_p of a
      curve, and lowest and highest value with and without pretraining; notes.
    """
    columns = rows.columns
    pretrained = [i for i, tokens in enumerate(columns["D_p"]) if tokens > 0]
    mixes = dict.fromkeys(columns["pretraining_mix"])
    curves = _curves(rows)
    return {
        "source": rows.source,
        "rows": len(rows.lines),
        "runs": len(set(columns["run"])),
        "tasks": list(dict.fromkeys(columns["task"])),
        "pretraining_mixes": [mix for mix in mixes if mix != NOT_PRETRAINED],
        "origins": dict(Counter(columns["origin"])),
        "units": dict(zip(columns["metric"], columns["unit"], strict=True)),
        "N": distinct(columns["N"]),
        "D_p": distinct(columns["D_p"][i] for i in pretrained),
        "not_pretrained": len(rows.lines) - len(pretrained),
        "D_f": distinct(columns["D_f"]),
        "pairs": distinct(columns["pairs"]),
        "alignment": extent(columns["alignment"][i] for i in pretrained),
        "seeds": distinct(columns["seed"]),
        "proxies": distinct(columns["proxy"]),
        "tokenizers": distinct(columns["tokenizer"]),
        "with_se": sum(se == se for se in columns["se"]),
        "curves": curves,
        "ranges": _ranges(rows, curves),
        "notes": list(rows.notes),
    }


def _curves(rows: CheckedCurves) -> list[dict[str, Any]]:
    columns = rows.columns
    return [
        {
            **plain(curve),
            "unit": columns["unit"][points[0]],
            "rows": len(points),
            "D_p": distinct(columns["D_p"][i] for i in points),
            "seeds": distinct(columns["seed"][i] for i in points),
            "value": extent(columns["value"][i] for i in points),
        }
        for curve, points in rows_of_curves(columns).items()
    ]


def _ranges(
    rows: CheckedCurves, curves: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    columns = rows.columns
    groups: dict[tuple[str, str], list[int]] = {}
    for i, key in enumerate(zip(columns["task"], columns["metric"], strict=True)):
        groups.setdefault(key, []).append(i)
    points: dict[tuple[str, str], list[int]] = {}
    for curve in curves:
        key = (curve["task"], curve["metric"])
        points.setdefault(key, []).append(len(curve["D_p"]))

    def values(of_group: Iterable[int], *, pretrained: bool) -> list[float] | None:
        return extent(
            columns["value"][i]
            for i in of_group
            if (columns["D_p"][i] > 0) is pretrained
        )

    return [
        {
            "task": task,
            "metric": metric,
            "rows": len(of_group),
            "curves": len(points.get((task, metric), [])),
            "points": extent(points.get((task, metric), [])),
            "value": values(of_group, pretrained=True),
            "not_pretrained": values(of_group, pretrained=False),
        }
        for (task, metric), of_group in groups.items()
    ]


def summary_text(summary: dict[str, Any]) -> str:
    """Return a summary as plain text, for `validate`."""
    zero = summary["not_pretrained"]
    facts = {
        "origin": counts_text(summary["origins"]),
        "metrics": ", ".join(f"{m} in {unit}" for m, unit in summary["units"].items()),
        "tasks": _listed(summary["tasks"]),
        "mixes": _listed(summary["pretraining_mixes"]),
        "N": span_text(summary["N"], "size"),
        "D_p": span_text(summary["D_p"], "token count")
        + (f"; {zero} rows without pretraining" if zero else ""),
        "D_f": span_text(summary["D_f"], "token count"),
        "pairs": span_text(summary["pairs"], "size"),
        "alignment": extent_text(summary["alignment"]),
        "seeds": span_text(summary["seeds"], "seed"),
        "se": f"given in {summary['with_se']} of {summary['rows']} rows",
        "tokenizer": ", ".join(summary["tokenizers"]) or "not given",
    }
    title = (
        f"{summary['source']}: {summary['rows']} downstream scores, {summary['runs']} "
        f"runs, {len(summary['curves'])} curves; no problems"
    )
    return page(title, facts, _table(summary), summary["notes"])


def _table(summary: dict[str, Any]) -> list[str]:
    ranges = summary["ranges"]
    task = max(len(record["task"]) for record in ranges)
    metric = max(len("metric"), *(len(record["metric"]) for record in ranges))
    head = f"  {'task':{task}}  {'metric':{metric}}  curves  {'checkpoints':>11}  "
    return [
        f"{head}{'no pretraining':>17}  pretrained",
        *(
            f"  {record['task']:{task}}  {record['metric']:{metric}}  "
            f"{record['curves']:>6}  {_range(record['points']):>11}  "
            f"{_range(record['not_pretrained']):>17}  {_range(record['value'])} "
            f"{summary['units'][record['metric']]}"
            for record in ranges
        ),
    ]


def _range(ends: Sequence[int | float] | None) -> str:
    return "-" if ends is None else extent_text(ends)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:8])
    return f"{len(names)}: {shown}" + (" ..." if names[8:] else "")
