"""Data, points and draws of the Stan program, for both ways of running it."""

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.inference.engines.protocol import NAMES, PRIORS, arrays_of, log_share

PROGRAM = Path(__file__).with_name("model.stan")


def data_of(folder: Path) -> dict[str, Any]:
    data = arrays_of(folder)
    n_cells, n_families = data["y"].shape
    loc, scale, sd_loc = zip(*PRIORS.values(), strict=True)
    return {
        "n_families": n_families,
        "n_runs": len(data["x_p"]),
        "n_points": len(data["x_N"]),
        "n_cells": n_cells,
        "y": data["y"].tolist(),
        "variance": (data["log_se"] ** 2).tolist(),
        **{name: data[name].tolist() for name in ("x_p", "x_N", "x_D")},
        "point_of_cell": (data["point_of_cell"] + 1).tolist(),
        "run_of_cell": (data["run_of_cell"] + 1).tolist(),
        "loc": loc,
        "scale": scale,
        "sd_loc": sd_loc,
    }


def parameters_at(point: dict[str, np.ndarray]) -> dict[str, Any]:
    """The program's parameters at a point of the shared quantities."""
    found = {
        "means": [point[f"{name}_mean"] for name in PRIORS],
        "sds": [point[f"{name}_sd"] for name in PRIORS],
        "slope_N": point["log_alpha"] + _log_share(point, "log_alpha"),
        "slope_D": point["log_beta"] + _log_share(point, "log_beta"),
        **{name: point[name] for name in NAMES if name in point},
    }
    return {name: np.asarray(value).tolist() for name, value in found.items()}


def named(parameters: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The shared quantities from the program's parameters, (chain, draw, ...) each."""
    draws = dict(parameters)
    for k, name in enumerate(PRIORS):
        draws[f"{name}_mean"] = parameters["means"][..., k]
        draws[f"{name}_sd"] = parameters["sds"][..., k]
    draws["log_alpha"] = draws["slope_N"] - _log_share(draws, "log_alpha")
    draws["log_beta"] = draws["slope_D"] - _log_share(draws, "log_beta")
    return {name: draws[name] for name in NAMES}


def _log_share(values: dict[str, np.ndarray], name: str) -> np.ndarray:
    return log_share(values["odds_N"], values["odds_D"], name)
