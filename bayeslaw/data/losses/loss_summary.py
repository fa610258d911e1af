"""Summarise a table of losses, as a dictionary and as plain text."""

from collections import Counter
from typing import Any

from bayeslaw.data.losses.loss_reading import CheckedRows
from bayeslaw.data.table import (
    counts_text,
    distinct,
    extent,
    extent_text,
    page,
    span_text,
)


def summarise(rows: CheckedRows) -> dict[str, Any]:
    """Return counts, ranges and notes of a table, ready for JSON.

    Returns:
      source; rows, runs: counts; families: in order of first appearance; N, D, seeds,
      proxies, tokenizers: sorted distinct values; mixtures: how many differ;
      replicated: cells (N, mixture) trained with more than one seed; origins,
      schedules: word -> rows; units: metric -> unit; ranges: one record per family and
      metric with its rows and lowest and highest p (None without ratios) and value;
      notes.
    """
    columns = rows.columns
    return {
        "source": rows.source,
        "rows": len(rows.lines),
        "runs": len(set(columns["run"])),
        "families": list(dict.fromkeys(columns["family"])),
        "N": distinct(columns["N"]),
        "D": distinct(columns["D"]),
        "proxies": distinct(columns["proxy"]),
        "mixtures": len(
            {_mixture_key(rows, r) for r, mix in rows.mixtures.items() if mix}
        ),
        "seeds": distinct(columns["seed"]),
        "replicated": _replicated(rows),
        "origins": dict(Counter(columns["origin"])),
        "schedules": dict(Counter(columns["schedule"])),
        "units": dict(zip(columns["metric"], columns["unit"], strict=True)),
        "tokenizers": distinct(columns["tokenizer"]),
        "ranges": _ranges(rows),
        "notes": list(rows.notes),
    }


def _mixture_key(rows: CheckedRows, run: str) -> tuple[tuple[str, float], ...]:
    # Ten digits: mixtures that differ only by rounding are one mixture.
    return tuple(
        sorted(
            (f, round(ratio, 10)) for f, ratio in rows.mixtures[run].items() if ratio
        )
    )


def _replicated(rows: CheckedRows) -> int:
    seeds: dict[Any, set[float]] = {}
    columns = rows.columns
    first = dict(
        zip(reversed(columns["run"]), reversed(range(len(rows.lines))), strict=True)
    )
    for run, i in first.items():
        cell = (columns["study"][i], columns["N"][i], _mixture_key(rows, run))
        if columns["seed"][i] == columns["seed"][i]:
            seeds.setdefault(cell, set()).add(columns["seed"][i])
    return sum(len(of_cell) > 1 for of_cell in seeds.values())


def _ranges(rows: CheckedRows) -> list[dict[str, Any]]:
    groups: dict[tuple[str, str], list[int]] = {}
    keys = zip(rows.columns["metric"], rows.columns["family"], strict=True)
    for i, key in enumerate(keys):
        groups.setdefault(key, []).append(i)
    ratios, values = rows.columns["p"], rows.columns["value"]
    return [
        {
            "metric": metric,
            "family": family,
            "rows": len(of_family),
            "p": extent(ratios[i] for i in of_family),
            "value": extent(values[i] for i in of_family),
        }
        for (metric, family), of_family in groups.items()
    ]


def summary_text(summary: dict[str, Any]) -> str:
    """Return a summary as plain text of at most 88 columns, for `validate`."""
    units = ", ".join(
        f"{metric} in {unit}" for metric, unit in summary["units"].items()
    )
    facts = {
        "origin": counts_text(summary["origins"]),
        "metrics": units,
        "N": span_text(summary["N"], "size"),
        "D": span_text(summary["D"], "token count"),
        "mixtures": f"{summary['mixtures']} different",
        "seeds": span_text(summary["seeds"], "seed")
        + f"; {summary['replicated']} pairs of N and mixture have several",
        "schedule": counts_text(summary["schedules"]),
        "tokenizer": ", ".join(summary["tokenizers"]) or "not given",
    }
    width = max(len(record["family"]) for record in summary["ranges"])
    table = [
        f"  {'family':{width}}  {'rows':>6}  {'p':>19}  value",
        *(
            f"  {record['family']:{width}}  {record['rows']:>6}  "
            f"{extent_text(record['p']):>19}  {extent_text(record['value'])} "
            f"{summary['units'][record['metric']]} ({record['metric']})"
            for record in summary["ranges"]
        ),
    ]
    return page(
        f"{summary['source']}: {summary['rows']} rows, {summary['runs']} runs, "
        f"{len(summary['families'])} families; no problems",
        facts,
        table,
        summary["notes"],
    )
