"""How well P(break) is calibrated: simulated curves of known families.

  python benchmarks/breaks/study.py [--curves 200] [-o benchmarks/results/breaks.json]

Every arm simulates tables of curves, each a task of its own: a third of them broken, the
others of six families that never decline and of three that were not looked at while the
model was made. Rates of breaks are shared within a table, as `bayeslaw breaks` does.
"""

import argparse
import json
import time
from itertools import product
from pathlib import Path

import numpy as np
from curve_truths import MONOTONE, NEW_FAMILIES, Truth, broken, monotone, observe
from scipy.stats import rankdata

from bayeslaw.downstream.posterior import break_posterior
from bayeslaw.downstream.rules import LIMIT, _deepest_fall
from bayeslaw.downstream.sharing import share

CHECKPOINTS = (4, 6, 8, 12)
NOISES = ("normal", "heavy", "wrong se")
TABLE = 24  # curves
SD = {"large test sets": (0.005, 0.03), "small test sets": (0.03, 0.08)}


def truth(rng: np.random.Generator, families: tuple[str, ...]) -> Truth:
    if rng.uniform() < 1 / 3:
        return broken(rng)
    return monotone(str(rng.choice(families)), rng)


def study(
    n: int,
    noise: str,
    curves: int,
    seed: int,
    families: tuple[str, ...] = tuple(MONOTONE),
    sd: tuple[float, float] = SD["large test sets"],
) -> list[dict[str, object]]:
    """P(break) of some curves, alone and shared by tables, and what is true."""
    rng = np.random.default_rng(seed)
    records = []
    for _ in range(curves // TABLE):
        truths = [truth(rng, families) for _ in range(TABLE)]
        seen = [observe(one, n, rng, noise, sd) for one in truths]
        start = time.process_time()
        alone = [break_posterior(*points) for points in seen]
        seconds = (time.process_time() - start) / TABLE
        shared = share(alone, [str(i) for i in range(TABLE)])
        for one, points, posterior, kinds in zip(
            truths, seen, alone, shared.kinds, strict=True
        ):
            records.append(
                {
                    "family": one.family,
                    "is_broken": one.is_broken,
                    "alone": posterior.p_break,
                    "shared": float(kinds[-1]),
                    "falls": bool(_deepest_fall(*points) > LIMIT),
                    "seconds": seconds,
                }
            )
    return records


def scores(records: list[dict[str, object]], name: str) -> dict[str, object]:
    """AUC, Brier and log score, mean P(break) by family, reliability by tenth."""
    p = np.array([float(record[name]) for record in records])
    y = np.array([record["is_broken"] for record in records], float)
    ranks, n = rankdata(p), y.sum()
    by_family = {}
    for family in sorted({str(record["family"]) for record in records}):
        mine = p[[record["family"] == family for record in records]]
        by_family[family] = {
            "mean": mine.mean(),
            "se": mine.std(ddof=1) / np.sqrt(len(mine)),
            "above_half": float((mine > 0.5).mean()),
            "curves": len(mine),
        }
    tenths = np.minimum((10 * p).astype(int), 9)
    safe = np.clip(p, 1e-9, 1 - 1e-9)
    squared = (p - y) ** 2
    return {
        "auc": (ranks[y > 0].sum() - n * (n + 1) / 2) / (n * (len(y) - n)),
        "brier": squared.mean(),
        "brier_se": squared.std(ddof=1) / np.sqrt(len(y)),
        "log_score": -np.mean(y * np.log(safe) + (1 - y) * np.log1p(-safe)),
        "families": by_family,
        "reliability": [
            {
                "said": p[tenths == k].mean(),
                "was": y[tenths == k].mean(),
                "curves": int((tenths == k).sum()),
            }
            for k in range(10)
            if (tenths == k).any()
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--curves", type=int, default=240)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    arms = {}
    pools = {"known": tuple(MONOTONE), "new": tuple(NEW_FAMILIES)}
    for pool, tests in product(pools, SD):
        for noise, n in product(NOISES, CHECKPOINTS):
            records = study(n, noise, options.curves, n, pools[pool], SD[tests])
            arm = {name: scores(records, name) for name in ("alone", "shared")}
            arm["rule"] = scores(records, "falls")["brier"]
            arm["ms"] = 1e3 * float(np.mean([r["seconds"] for r in records]))
            arms[f"{pool}, {tests}, {noise}, {n}"] = arm
            one = arm["shared"]
            worst = max(
                (f["mean"], name)
                for name, f in one["families"].items()
                if name != "broken"
            )
            print(
                f"{pool:6} {tests} {noise:9} {n:3}  AUC {one['auc']:.3f}  "
                f"Brier {one['brier']:.3f} (alone {arm['alone']['brier']:.3f}, rule "
                f"{arm['rule']:.3f})  worst {worst[1]} {worst[0]:.3f}  {arm['ms']:.1f} ms",
                flush=True,
            )
    if options.output:
        options.output.write_text(json.dumps(arms, indent=1) + "\n")


if __name__ == "__main__":
    main()
