"""Scores of stored draws, the same for all engines, and the tables of the results."""

from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import xarray as xr
from arviz_stats.sampling_diagnostics import ess, rhat

from benchmarks.inference.engines.protocol import NAMES


def score(path: Path) -> dict[str, Any]:
    """Worst bulk ESS and R-hat over every scalar of the shared quantities."""
    with np.load(path) as stored:
        draws = xr.Dataset(
            {
                name: (
                    ["chain", "draw", *(f"{name}_{k}" for k in range(ndim - 2))],
                    stored[name],
                )
                for name in NAMES
                if (ndim := stored[name].ndim)
            }
        )
        record = {
            name: stored[name].item()
            for name in ("n_diverging", "mean_steps", "again_cpu_s")
            if name in stored
        }
    bulk = {name: float(v.min()) for name, v in ess(draws, method="bulk").items()}
    worst = min(bulk, key=bulk.get)
    return record | {
        "min_ess": bulk[worst],
        "worst": worst,
        "max_rhat": max(float(v.max()) for v in rhat(draws).values()),
        "n_draws": int(draws.sizes["chain"] * draws.sizes["draw"]),
    }


def summary(measurements: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Medians of each engine over data seeds and repeats."""
    by_engine: dict[str, list[dict[str, Any]]] = {}
    for one in measurements:
        by_engine.setdefault(one["engine"], []).append(one)
    return {engine: _of_engine(ours) for engine, ours in by_engine.items()}


def _of_engine(measurements: list[dict[str, Any]]) -> dict[str, Any]:
    warm = [one for one in measurements if one["mode"] == "warm"]
    cold = [one for one in measurements if one["mode"] == "cold"]
    again = [one for one in measurements if one["mode"] == "again"]

    def middle(values: list[float]) -> float | None:
        return median(values) if values else None

    return {
        "fits": len(warm),
        "min_ess": middle([one["min_ess"] for one in warm]),
        "max_rhat": max((one["max_rhat"] for one in warm), default=None),
        "n_diverging": sum(one["n_diverging"] for one in warm),
        "mean_steps": middle([one["mean_steps"] for one in warm]),
        "warm_cpu_s": middle([one["cpu_s"] for one in warm]),
        "warm_wall_s": middle([one["wall_s"] for one in warm]),
        "cold_cpu_s": middle([one["cpu_s"] for one in cold]),
        "again_cpu_s": middle([one["again_cpu_s"] for one in again]),
        "ess_per_cpu_s": middle([one["min_ess"] / one["cpu_s"] for one in warm]),
        "again_ess_per_cpu_s": middle(
            [one["min_ess"] / one["again_cpu_s"] for one in again]
        ),
    }


def ratios(measurements: list[dict[str, Any]], ours: str) -> dict[str, dict[str, Any]]:
    """ESS per CPU second of `ours` over each peer's, paired by data seed and repeat."""
    found: dict[str, dict[str, Any]] = {}
    for mode, cost in (("warm", "cpu_s"), ("again", "again_cpu_s")):
        efficiency = {
            (one["engine"], one["data_seed"], one["repeat"]): one["min_ess"] / one[cost]
            for one in measurements
            if one["mode"] == mode
        }
        for (engine, *pair), value in efficiency.items():
            if engine != ours and (ours, *pair) in efficiency:
                ratio = efficiency[(ours, *pair)] / value
                found.setdefault(engine, {}).setdefault(mode, []).append(ratio)
    return {
        engine: {
            mode: {"median": median(v), "smallest": min(v), "largest": max(v)}
            for mode, v in modes.items()
        }
        for engine, modes in found.items()
    }


COLUMNS = {
    "fits": "fits",
    "min_ess": "min bulk ESS",
    "max_rhat": "largest R-hat",
    "n_diverging": "divergences, all fits",
    "mean_steps": "steps a draw",
    "warm_cpu_s": "CPU-s, warm cache",
    "cold_cpu_s": "CPU-s, empty cache",
    "again_cpu_s": "CPU-s, second fit in a process",
    "ess_per_cpu_s": "ESS per CPU-s, warm cache",
    "again_ess_per_cpu_s": "ESS per CPU-s, second fit",
}


def markdown(results: dict[str, Any]) -> str:
    """Table of the summary, with the ratios below."""
    lines = [
        "| engine | " + " | ".join(COLUMNS.values()) + " |",
        "| --- " * (len(COLUMNS) + 1) + "|",
    ]
    for engine, values in results["summary"].items():
        cells = [_cell(name, values[name]) for name in COLUMNS]
        lines.append(f"| {engine} | " + " | ".join(cells) + " |")
    if results["ratios"]:
        lines += [
            "",
            "ESS per CPU-second, bayeslaw over the peer, median of pairs (range):",
            "",
            "| peer | process, warm cache | second fit in a process |",
            "| --- | --- | --- |",
        ]
    for engine, modes in results["ratios"].items():
        cells = [_ratio(modes.get(mode)) for mode in ("warm", "again")]
        lines.append(f"| {engine} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if name == "max_rhat" else f"{value:.3g}"


def _ratio(found: dict[str, float] | None) -> str:
    if found is None:
        return "-"
    return f"{found['median']:.2f} ({found['smallest']:.2f}-{found['largest']:.2f})"
