"""Draws simplex_region.svg (simulated) and simplex_region_five.svg (measured).

Run `make demo` first, then: .venv/bin/python docs/gallery/simplex_region.py
"""

import argparse
from pathlib import Path

from bayeslaw import (
    fit,
    load_posterior,
    optimal_ratios,
    read_spec,
    simulate,
)
from bayeslaw.decisions.decision import Decision
from bayeslaw.plots import simplex_region, to_svg

ROOT = Path(__file__).parents[2]
POSTERIOR = ROOT / "runs/sample-families/out/posterior.nc"
FAMILIES = ("germanic", "romance", "slavic")


def three_families() -> Decision:
    """A decision about a simulated study, noisier than the default."""
    spec = read_spec(ROOT / "models/he2024_partial_pooling.toml")
    noise = {"sigma": 0.03, "run_sd": 0.01}
    table, _ = simulate(spec, seed=1, families=FAMILIES, n_mixtures=9, parameters=noise)
    mine = dict(zip(FAMILIES, (0.45, 0.2, 0.35), strict=True))
    posterior = fit(table, spec, seed=0)
    return optimal_ratios(posterior, N=1e9, D=2e10, mixtures={"mine": mine})


def main() -> None:
    """Draw the figures beside this script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posterior", type=Path, default=POSTERIOR)
    posterior = load_posterior(parser.parse_args().posterior)
    # The target run of `make demo`.
    measured = optimal_ratios(posterior, N=1e6, D=1e7)
    for name, decision in (("", three_families()), ("_five", measured)):
        path = Path(__file__).with_name(f"simplex_region{name}.svg")
        path.write_text(to_svg(simplex_region(decision)), encoding="utf-8")


if __name__ == "__main__":
    main()
