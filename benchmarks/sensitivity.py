"""Laws, likelihoods and priors side by side on the shipped study.

Ten models are fitted to runs/sample-families and compared: by the log density of each
run left out in turn, of the largest runs left out together, and by the ratios that each
recommends and their regret if another model is true.

    python -m benchmarks.sensitivity

Writes benchmarks/results/sensitivity.json, and prints what `bayeslaw compare` would.
The losses are measured.
"""

import argparse
import json
import time
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bayeslaw import check, compare, decision_sensitivity, fit, read_runs, read_spec
from bayeslaw.cli.compare import print_comparison, print_sensitivity
from bayeslaw.laws.group_prior import GroupPrior
from bayeslaw.model.spec import ModelSpec

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "runs/sample-families/observations.csv"
RESULT = ROOT / "benchmarks/results/sensitivity.json"
# As in the demo: three times the largest proxy, five times the most bytes.
TARGET = {"N": 1e6, "D": 1e7}


def models() -> dict[str, ModelSpec]:
    """The rivals; all but the laws differ from the default model in one thing."""
    names = ("he2024_partial_pooling", "reducible_ratio", "transfer")
    laws = {name: read_spec(ROOT / f"models/{name}.toml") for name in names}
    default = read_spec(ROOT / "models/default.toml")

    def changed(**sections: Any) -> ModelSpec:
        return ModelSpec.model_validate(default.model_dump() | sections)

    def noise(**changes: Any) -> dict[str, Any]:
        return default.noise.model_dump() | changes

    return {
        "default": default,
        **laws,
        "Normal noise": changed(noise=noise(likelihood="normal")),
        "Huber-like noise": changed(noise=noise(likelihood="huber")),
        "noise by ratio": changed(noise=noise(depends_on_ratio=True)),
        "wide priors": changed(priors=scaled(default, 2.0)),
        "narrow priors": changed(priors=scaled(default, 0.5)),
        "little pooling": changed(priors=scaled(default, 1.0, spread=3.0)),
    }


def scaled(
    spec: ModelSpec, factor: float, *, spread: float | None = None
) -> dict[str, Any]:
    """Priors of all coordinates, sd of the mean and spread over families multiplied."""

    def one(prior: GroupPrior) -> dict[str, float]:
        return {
            "loc": prior.loc,
            "scale": factor * prior.scale,
            "spread": (spread or factor) * prior.spread,
        }

    return {name: one(spec.prior_of(name)) for name in spec.law_record.coordinates}


def main() -> None:
    rivals = models()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=list(rivals), choices=rivals)
    chosen = parser.parse_args().models
    table = read_runs(TABLE)
    posteriors, cost = {}, {}
    for name in chosen:
        spec = rivals[name]
        start = time.process_time()
        posteriors[name] = fit(table, spec)
        cost[name] = time.process_time() - start
        failed = [one.name for one in check(posteriors[name]).failures]
        print(f"{name}: {cost[name]:.0f} CPU-s, failed checks: {failed}", flush=True)
    start = time.process_time()
    comparison = compare(posteriors, table)
    cost["comparison"] = time.process_time() - start
    decisions = decision_sensitivity(posteriors, comparison=comparison, **TARGET)
    record = {
        "cpu_s": cost,
        "versions": {name: version(name) for name in ("bayeslaw", "jax", "numpyro")},
        "comparison": comparison.to_dict(),
        "target": TARGET,
        "decisions": asdict(decisions),
    }
    RESULT.write_text(json.dumps(record, indent=1) + "\n")
    print_comparison(comparison)
    print_sensitivity(decisions)


if __name__ == "__main__":
    main()
