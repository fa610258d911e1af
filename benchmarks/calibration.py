"""How often intervals hold simulated truths: with drift of gamma, and without.

Three arms, each of `--studies` simulated studies, truths drawn from a prior:

- `on`: fitted with the model that made them, models/default.toml;
- `strong`: the same model, true drift 3 times as wide as its prior;
- `off`: the truths of `strong`, fitted without drift.

    python -m benchmarks.calibration --arm on

Each arm writes benchmarks/results/calibration-ARM.json; docs/gallery/calibration.py
draws them. All numbers are of simulated studies.
"""

import argparse
import json
import time
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks/results"
ARMS = {
    "on": "drift fitted, true drift as its prior",
    "strong": "drift fitted, true drift 3 x its prior",
    "off": "drift not fitted, true drift 3 x its prior",
}
# Three times the prior's scale and spread of models/default.toml.
STRONG_DRIFT = {"drift": {"loc": 0.0, "scale": 0.3, "spread": 0.3}}


def run(arm: str, n_studies: int) -> None:
    from bayeslaw.evaluation.calibration import SETTINGS, calibrate
    from bayeslaw.model.spec import ModelSpec, read_spec

    default = read_spec(ROOT / "models/default.toml")
    strong = ModelSpec.model_validate(default.model_dump() | {"priors": STRONG_DRIFT})
    without = {"extensions": {"drift": False}}
    spec = default
    if arm == "off":
        spec = ModelSpec.model_validate(default.model_dump() | without)
    start = time.process_time()
    found = calibrate(
        spec,
        n_studies=n_studies,
        truth=default if arm == "on" else strong,
        report=lambda done, total: print(f"{arm}: {done} of {total}", flush=True),
    )
    record = {
        "arm": arm,
        "about": ARMS[arm],
        "cpu_s_per_study": (time.process_time() - start) / n_studies,
        "sampler": str(SETTINGS),
        "versions": {name: version(name) for name in ("bayeslaw", "jax", "numpyro")},
        "narrowed_by_30_percent": found.spoilt(narrowed=0.3).faults,
        "shifted_by_1_sd": found.spoilt(shifted=1.0).faults,
        **found.to_dict(),
    }
    path = RESULTS / f"calibration-{arm}.json"
    path.write_text(json.dumps(record, indent=1) + "\n")
    print(markdown(record))


def markdown(record: dict) -> str:
    """Coverage of one arm as a table."""
    lines = [
        "| quantity | 50 % | 90 % (se) | shifted, p | width, p |",
        "|---" * 5 + "|",
    ]
    for one in record["coverage"]:
        numbers = [f"{one['within_50']:.3f}"]
        numbers += [f"{one['within_90']:.3f} ({one['se_90']:.3f})"]
        numbers += [f"{one[name]:.2g}" for name in ("p_location", "p_width")]
        lines.append(f"| {one['quantity']} | " + " | ".join(numbers) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arm", choices=ARMS, required=True)
    parser.add_argument("--studies", type=int, default=200)
    arguments = parser.parse_args()
    run(arguments.arm, arguments.studies)


if __name__ == "__main__":
    main()
