"""Simulated table of one data seed: a CSV for bayeslaw, dense arrays for the peers."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

MODEL = Path(__file__).parents[2] / "models/he2024_partial_pooling.toml"


def dense_arrays(table: Any) -> dict[str, np.ndarray]:
    """Lay a complete table out for the peers.

    The curve of the law depends on (N, D) only, and rows of a run share their ratios.
    So a program needs the curve at each distinct (N, D), a shift for each run, and one
    index of each kind a cell: an eighth of the exponentials of a row-by-row program.

    Args:
      table: RunTable in which every checkpoint of a run has every family.

    Returns:
      y and log_se (cell, family), x_p (run, family), x_N and x_D (point,), where x is
      log(value / reference); zero-based indices point_of_cell and run_of_cell (cell,);
      names families and runs.
    """
    columns, families, runs = table.columns, table.families, table.runs
    x = {
        name: np.log(columns[name]) - np.log(np.unique(columns[name])).mean()
        for name in ("N", "D", "p")
    }
    pairs = np.stack([columns["N"], columns["D"]], axis=1)
    point = np.unique(pairs, axis=0, return_inverse=True)[1]
    run = np.array([runs.index(name) for name in columns["run"]])
    family = np.array([families.index(name) for name in columns["family"]])
    cells, cell = np.unique(np.stack([run, point], 1), axis=0, return_inverse=True)
    if len(table) != len(cells) * len(families):
        raise ValueError("the peers' layout needs a complete table")

    def spread(values: np.ndarray, *index: np.ndarray) -> np.ndarray:
        array = np.full([axis.max() + 1 for axis in index], np.nan)
        array[index] = values
        return array

    return {
        "y": spread(np.log(columns["value"]), cell, family),
        "log_se": spread(columns["se"] / columns["value"], cell, family),
        "x_p": spread(x["p"], run, family),
        "x_N": spread(x["N"], point),
        "x_D": spread(x["D"], point),
        "run_of_cell": cells[:, 0],
        "point_of_cell": cells[:, 1],
        "families": np.array(families),
        "runs": np.array(runs),
    }


def main() -> None:
    from bayeslaw import read_runs, read_spec, simulate
    from bayeslaw.data.losses import write_runs

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="gets table.csv and arrays.npz")
    parser.add_argument("--seed", type=int, default=0, help="data seed")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    table, _ = simulate(read_spec(MODEL), seed=arguments.seed)
    write_runs(table, arguments.folder / "table.csv")
    # Read back, so that all engines see the very numbers of the file.
    arrays = dense_arrays(read_runs(arguments.folder / "table.csv"))
    np.savez(arguments.folder / "arrays.npz", **arrays)


if __name__ == "__main__":
    main()
