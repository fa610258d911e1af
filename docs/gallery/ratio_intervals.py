"""Draws ratio_intervals.svg, the figure of the front page, from the shipped study.

Run `make demo` first, then: .venv/bin/python docs/gallery/ratio_intervals.py
"""

import argparse
from pathlib import Path

from bayeslaw import load_posterior, optimal_ratios
from bayeslaw.plots import ratio_intervals, to_svg

POSTERIOR = Path(__file__).parents[2] / "runs/sample-families/out/posterior.nc"
# The target run of `make demo`.
N, D = 1e6, 1e7


def main() -> None:
    """Draw the figure beside this script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posterior", type=Path, default=POSTERIOR)
    posterior = load_posterior(parser.parse_args().posterior)
    figure = ratio_intervals(optimal_ratios(posterior, N=N, D=D))
    Path(__file__).with_suffix(".svg").write_text(to_svg(figure), encoding="utf-8")


if __name__ == "__main__":
    main()
