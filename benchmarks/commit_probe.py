"""Fits, decides and reports with the package of one tree, for `benchmarks.commits`.

    cd TREE; PYTHONPATH=TREE python -P .../commit_probe.py OUT MODEL ...

Uses only public names that every commit has. Of each model it writes to the folder OUT
the draws (npz), the decision and the next runs (json), and the report (html).
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

import bayeslaw
from bayeslaw import fit, next_runs, optimal_ratios, read_runs, report

TABLE = "runs/sample-families/observations.csv"
GROUPS = ("posterior", "sample_stats", "log_likelihood", "log_prior", "prior")
TARGET: dict[str, Any] = {"N": 1e6, "D": 1e7, "allow_failed_checks": True}
BUDGET = 1e14  # FLOPs
SEED = 0


def main() -> None:
    if not Path(bayeslaw.__file__).resolve().is_relative_to(Path.cwd().resolve()):
        raise SystemExit(f"bayeslaw comes from {bayeslaw.__file__}, not from this tree")
    out = Path(sys.argv[1])
    table = read_runs(TABLE)
    for model in sys.argv[2:]:
        posterior = fit(table, f"models/{model}.toml", seed=SEED)
        draws = {
            f"{group}/{name}": values.to_numpy()
            for group in GROUPS
            for name, values in posterior[group].data_vars.items()
        }
        np.savez(out / f"{model}.npz", **draws)
        records = {
            "decision": optimal_ratios(posterior, **TARGET),
            "next runs": next_runs(posterior, **TARGET, budget=BUDGET),
        }
        plain = {name: record.to_dict() for name, record in records.items()}
        (out / f"{model}.json").write_text(json.dumps(plain, default=as_plain))
        report(posterior, out / f"{model}.html", **TARGET)


def as_plain(value: Any) -> Any:
    """Lists and numbers of numpy's, text of anything else."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


if __name__ == "__main__":
    main()
