"""What replicated runs say without a model: noise, drift of exponents, independence.

  noise         standard deviation of the log loss over seeds, in each replicated cell
  exponents     slope of log loss against log ratio, at each size and token count
  independence  log loss at one ratio of a family's own, by who has the rest

Every number has a 90 % interval: chi-squared for standard deviations, Student's t for
slopes and for differences of means.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from bayeslaw.data.losses import read_runs

RESULTS = Path(__file__).parent / "results"
LOWER, UPPER = 0.05, 0.95


def noise(rows: pd.DataFrame) -> list[dict]:
    """Standard deviation over seeds, per cent of the loss."""
    found = []
    keys = ["proxy", "mix", "D", "family"]
    for (proxy, mix, tokens, family), cell in rows.groupby(keys, sort=False):
        n = len(cell)
        if n < 4:
            continue
        sd = 100 * np.log(cell["value"]).std(ddof=1)
        scale = (n - 1) ** 0.5 / stats.chi2.ppf([UPPER, LOWER], n - 1) ** 0.5
        found.append(
            {
                "proxy": proxy,
                "mixture": mix,
                "D": int(tokens),
                "family": family,
                "seeds": n,
                "sd_percent": sd,
                "lower": sd * scale[0],
                "upper": sd * scale[1],
            }
        )
    return found


def exponents(rows: pd.DataFrame) -> list[dict]:
    """gamma: minus the slope of log loss against log ratio, other ratios aside."""
    found = []
    one_seed = rows[(rows["seed"] == 0) & (rows["p"] > 0)]
    for (n, tokens, family), cell in one_seed.groupby(["N", "D", "family"], sort=False):
        if cell["p"].nunique() < 5:
            continue
        fit = stats.linregress(np.log(cell["p"]), np.log(cell["value"]))
        half = stats.t.ppf(UPPER, len(cell) - 2) * fit.stderr
        found.append(
            {
                "N": int(n),
                "D": int(tokens),
                "family": family,
                "mixtures": len(cell),
                "gamma": -fit.slope,
                "lower": -fit.slope - half,
                "upper": -fit.slope + half,
            }
        )
    return found


def independence(rows: pd.DataFrame) -> list[dict]:
    """Loss beside one other family, relative to that beside all others, per cent.

    The mixtures are named <family>_with_<who has the rest>.
    """
    found = []
    named = rows[rows["mix"].str.contains("_with_")]
    for (mix, tokens), cell in named.groupby(["mix", "D"], sort=False):
        family, rest = mix.split("_with_")
        own = cell[cell["family"] == family]
        if rest == "all":
            continue
        is_all = (named["mix"] == f"{family}_with_all") & (named["D"] == tokens)
        beside_all = named[is_all & (named["family"] == family)]
        a, b = np.log(own["value"]), np.log(beside_all["value"])
        test = stats.ttest_ind(a, b, equal_var=True)
        interval = test.confidence_interval(UPPER - LOWER)
        found.append(
            {
                "family": family,
                "rest": rest,
                "D": int(tokens),
                "p": float(own["p"].iloc[0]),
                "seeds": len(own),
                "difference_percent": 100 * (a.mean() - b.mean()),
                "lower": 100 * interval.low,
                "upper": 100 * interval.high,
            }
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=Path, nargs="+")
    given = parser.parse_args()
    for path in given.table:
        rows = read_runs(path).to_pandas()
        rows = rows[rows["schedule"] == "cooled"]
        # A run is named <proxy>-<mixture>-seed<number>.
        rows["mix"] = rows["run"].str.extract(r"^[^-]+-(.+)-seed\d+$")[0]
        study = rows["study"].iloc[0]
        found = {
            "study": study,
            "origin": "measured",
            "noise": noise(rows),
            "exponents": exponents(rows),
            "independence": independence(rows),
        }
        out = RESULTS / f"replicates-{study}.json"
        out.write_text(json.dumps(found, indent=1) + "\n")
        for name in ("noise", "exponents", "independence"):
            table = pd.DataFrame(found[name])
            print(f"\n{study}: {name}\n", table.round(3).to_string(index=False))


if __name__ == "__main__":
    main()
