"""Whether the model predicts rows like those observed, overall and along its inputs."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr
from scipy import stats

from bayeslaw.checks.verdicts import Check
from bayeslaw.inference import Fitted, pit, predictive

# Kolmogorov-Smirnov tests of the PIT: their level, over all tests together. The rows
# were fitted, run effects with them, so under a right model they look a little better
# than new ones would: tests against misplaced and too narrow predictions are
# conservative. A distance below MIN_PIT_DISTANCE is no practical misfit in any table.
PIT_ALPHA = 1e-3
MIN_PIT_DISTANCE = 0.05
# Fitting a run effect to as few as two rows explains a distance of 0.17 towards too
# wide; beyond this limit the noise model itself is too wide.
MAX_WIDE_DISTANCE = 0.2
# Share of a family's residual variance that a quadratic in the log inputs may explain,
# adjusted for its ten coefficients: 0 on average under a right law.
MAX_TREND = 0.25
# Deviations of runs are noise: inputs that explain more than this share of them, beyond
# chance, show that the law does not hold between runs. Where that moves losses by more
# than seeds do, the law says nothing about runs of another size.
MAX_RUN_TREND = 0.5
RUN_TREND_ALPHA = 1e-3
MAX_MOVED = 0.02
# A row this many robust standard deviations off is named: none of Normal noise, one in
# 8000 of Student-t noise with 5 degrees of freedom.
OUTLYING = 10.0
MIN_ROWS_FOR_OUTLIERS = 20
MAX_NAMED = 8
# Ratios of 0, which transfer allows, stand here on the log axis.
SMALLEST_RATIO = 1e-3


def predictive_checks(fitted: Fitted) -> Iterator[Check]:
    """Check the predictive distribution of the fitted rows."""
    ranks = pit(fitted)
    yield from _calibration(fitted, ranks)
    yield from _trend(fitted, ranks)
    if fitted.has("run_effect"):
        yield from _run_trend(fitted)
    yield from _outliers(fitted)


def _calibration(fitted: Fitted, ranks: np.ndarray) -> Iterator[Check]:
    family = fitted.rows["family"].values
    parts = {"all rows": ranks}
    parts |= {str(name): ranks[family == name] for name in dict.fromkeys(family)}
    faults = [
        f"{fault} for {name} ({len(part)} rows)"
        for name, part in parts.items()
        for fault in _pit_faults(part, PIT_ALPHA / (2 * len(parts)))
    ]
    inside = np.abs(2 * ranks - 1)
    yield Check(
        "predictive PIT",
        "; ".join(faults[:3] or ["no misfit found"])
        + f"; the 50 % and 90 % intervals contain {np.mean(inside < 0.5):.0%} and "
        f"{np.mean(inside < 0.9):.0%} of the rows",
        f"p at least {PIT_ALPHA} over all tests, or distance at most "
        f"{MIN_PIT_DISTANCE} ({MAX_WIDE_DISTANCE} if too wide)",
        "fail" if faults else "ok",
        "the law or the noise model does not describe these rows; look at the "
        "residuals in `bayeslaw report`, try another law or [noise] in the model file, "
        "and compare the models with `bayeslaw compare`",
        "Gneiting et al. 2007, doi 10.1111/j.1467-9868.2007.00587.x",
    )


def _pit_faults(ranks: np.ndarray, alpha: float) -> Iterator[str]:
    """What is wrong with predictions, given the PIT of their rows."""

    def differs(test: Any) -> bool:
        return bool(test.pvalue < alpha and test.statistic > MIN_PIT_DISTANCE)

    place = stats.kstest(ranks, "uniform")
    if differs(place):
        yield f"predictions shifted (distance {place.statistic:.2f})"
    # Distance from the median is uniform too: its test sees a wrong width, which the
    # test of the ranks themselves hardly does.
    distance = np.abs(2 * ranks - 1)
    narrow = stats.kstest(distance, "uniform", alternative="less")
    if differs(narrow):
        yield f"predictions too narrow (distance {narrow.statistic:.2f})"
    wide = stats.kstest(distance, "uniform", alternative="greater")
    if differs(wide) and wide.statistic > MAX_WIDE_DISTANCE:
        yield f"predictions too wide (distance {wide.statistic:.2f})"


def _trend(fitted: Fitted, ranks: np.ndarray) -> Iterator[Check]:
    # Heavy-tailed noise can swallow what the law misses, so that the PIT as a whole is
    # uniform; where along the inputs the residuals lie still shows it.
    rows = fitted.rows
    scores = stats.norm.ppf(ranks.clip(1e-4, 1 - 1e-4))
    inputs = np.log(
        [
            np.maximum(rows[name].values, SMALLEST_RATIO if name == "p" else 0.0)
            for name in fitted.law.inputs
        ]
    )
    family = rows["family"].values
    shares = {
        str(name): _explained(scores[family == name], inputs[:, family == name])
        for name in dict.fromkeys(family)
    }
    worst = max(shares, key=lambda name: shares[name])
    yield Check(
        "residual trend",
        f"{_listed(fitted.law.inputs)} still explain {max(shares[worst], 0):.0%} of "
        f"the residual variance of {worst}",
        f"at most {MAX_TREND:.0%}",
        "ok" if shares[worst] <= MAX_TREND else "warn",
        "the law is misspecified here and its intervals are too narrow, most of all "
        "when you extrapolate; look at the residuals in `bayeslaw report`, fit another "
        "law or extension, and compare the models with `bayeslaw compare`",
        "adjusted R2 of a quadratic in the log inputs, normal scores of the PIT",
    )


def _listed(names: Sequence[str]) -> str:
    """Names in a sentence: "N, D and p"."""
    return " and ".join([", ".join(names[:-1]), names[-1]])


def _explained(scores: np.ndarray, inputs: np.ndarray) -> float:
    """Adjusted R2 of a quadratic in the inputs; 0 where there are too few rows."""
    varying = inputs[np.ptp(inputs, axis=1) > 0]
    x = [(row - row.mean()) / row.std() for row in varying]
    products = [x[i] * x[j] for i in range(len(x)) for j in range(i + 1)]
    features = np.stack([np.ones_like(scores), *x, *products], axis=1)
    freedom = len(scores) - features.shape[1]
    if freedom < 10:
        return 0.0
    left = scores - features @ np.linalg.lstsq(features, scores)[0]
    return float(1 - (left @ left / freedom) / scores.var(ddof=1))


def _run_trend(fitted: Fitted) -> Iterator[Check]:
    # Many checkpoints of each run pull the law towards the course of the losses within
    # runs. What it then misses between them, the deviations of runs take up, and rows
    # leave nothing to see.
    effects = fitted.posterior["run_effect"].mean(("chain", "draw"))
    rows = fitted.rows[["run", "N", "D"]].to_dataframe()
    largest = rows.groupby("run").max().loc[effects["run"].values]
    varying = [v for v in np.log(largest.values.T) if np.ptp(v) > 0]
    features = np.stack([np.ones(len(largest)), *varying], axis=1)
    values = effects.values - effects.values.mean()
    trend = features @ np.linalg.lstsq(features, values)[0]
    n_slopes, freedom = len(varying), len(values) - features.shape[1]
    share, p_value = 0.0, 1.0
    if n_slopes and freedom > 0 and np.ptp(values) > 0:
        share = float(trend @ trend / (values @ values))
        ratio = (share / n_slopes) / (max(1 - share, 1e-12) / freedom)
        p_value = float(stats.f.sf(ratio, n_slopes, freedom))
    moved = float(trend.std())
    is_trend = share > MAX_RUN_TREND and p_value < RUN_TREND_ALPHA
    yield Check(
        "run effects",
        f"log N and log D explain {share:.0%} of the variance of the deviations of "
        f"{len(values)} runs (p = {p_value:.2g}), {moved:.1%} of the loss",
        f"at most {MAX_RUN_TREND:.0%} or p at least {RUN_TREND_ALPHA}; above, warns up "
        f"to {MAX_MOVED:.0%} of the loss, then fails",
        "ok" if not is_trend else "warn" if moved <= MAX_MOVED else "fail",
        "the law does not hold between runs, although it may within them; fit another "
        "law, or keep the table and fit a copy with fewer checkpoints of each run or "
        "fewer sizes",
        "F test of the posterior means of run_effect on log N and the largest log D",
    )


def _outliers(fitted: Fitted) -> Iterator[Check]:
    # Not by the PIT: a few rows far off make Student-t noise so heavy-tailed that they
    # are no longer improbable under it. So the width is that of the noise's middle, and
    # measured again by the residuals of the family, half of them inside.
    distribution, observed = predictive(fitted, max_draws=100)
    lower, middle, upper = (
        distribution.ppf(probability).mean(0) for probability in (0.25, 0.5, 0.75)
    )
    scores = (observed - middle) / (upper - lower)
    rows = fitted.rows
    family = rows["family"].values
    distance = np.zeros(len(scores))
    for name in dict.fromkeys(family):
        part = scores[family == name]
        if len(part) >= MIN_ROWS_FOR_OUTLIERS:
            off = np.abs(part - np.median(part))
            distance[family == name] = off / (1.4826 * np.median(off))
    farthest_first = np.argsort(-distance)[: int((distance > OUTLYING).sum())]
    named = [
        f"{_label(rows.isel(observation=row))} ({distance[row]:.0f} sd)"
        for row in farthest_first[:MAX_NAMED]
    ]
    more = len(farthest_first) - len(named)
    yield Check(
        "outlying rows",
        "; ".join(named or ["none"]) + (f"; and {more} more" if more else ""),
        f"no row beyond {OUTLYING:.0f} robust sd of its family's residuals",
        "warn" if named else "ok",
        "check these rows for a mistake in the table, a failed run, or a region where "
        "the law does not hold; correct or repeat them, do not just delete them; "
        "heavy-tailed noise limits their influence but widens every interval",
        "median absolute deviation, Hampel 1974, doi 10.1080/01621459.1974.10482962",
    )


def _label(row: xr.Dataset) -> str:
    """Name a row by its place in the table, its run, family, N and D."""
    # Posteriors of earlier versions hold no row numbers.
    place = f"row {row['line'].item()}, " if "line" in row else ""
    return (
        f"{place}run {row['run'].item()} {row['family'].item()} "
        f"N {row['N'].item():.3g} D {row['D'].item():.3g}"
    )
