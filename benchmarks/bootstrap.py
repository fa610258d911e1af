"""Intervals of a predicted loss: the posterior against today's Huber fit and bootstrap.

Four arms of simulated tables of one family whose law is that of Hoffmann et al. The
question to each method is the mean loss of a 7B model after 1T tokens.

- `well`: priors of models/chinchilla.toml, truths well inside them;
- `few`: as `well`, with a third of the runs;
- `low`, `high`: the tables of `well`, priors centred two sd from the middle of the
  truths.

    .venv/bin/python benchmarks/bootstrap.py --arm well

Each arm writes benchmarks/results/bootstrap-ARM.json; `--figure` draws all four. All
numbers are of simulated tables.
"""

import argparse
import itertools
import json
import time
from collections.abc import Callable
from importlib.metadata import version
from math import hypot, log
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import optimize, special, stats

from bayeslaw.model.spec import ModelSpec, PriorOverride, read_spec

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks/results"
FIGURE = ROOT / "docs/gallery/bootstrap.svg"
ARMS = {
    "well": "priors as shipped, 72 runs",
    "few": "priors as shipped, 24 runs",
    "low": "priors 2 sd off, towards a low E, 72 runs",
    "high": "priors 2 sd off, towards a high E, 72 runs",
}
METHODS = {
    "posterior": "bayeslaw posterior",
    "bootstrap": "Huber fit, bootstrap",
    "delta": "least squares, delta method",
}

# IsoFLOP design: at each compute budget, sizes around the one with 20 tokens a
# parameter. N from 4e7 to 3.7e9, D from 7.9e8 to 7.3e10.
BUDGETS = np.geomspace(3e18, 1e20, 8)
FACTORS = np.geomspace(1 / 4, 4, 9)
TARGET = {"N": 7e9, "D": 1e12}
# Truths are uniform between these ends. "size" and "data" are what N and D add to the
# loss in the middle of the design. The middle of the truths is about the refitted law
# of arXiv 2404.10102: E 1.82, A 482, alpha 0.348, B 2085, beta 0.366.
TRUTHS = {
    "E": (1.5, 2.1),
    "size": (0.35, 0.70),
    "data": (0.35, 0.70),
    "alpha": (0.27, 0.43),
    "beta": (0.28, 0.45),
}
NOISE = {"df": 5, "scale": 0.005}  # Student-t on log loss
HUBER = 1e-3  # width of the quadratic part, in log loss
RESAMPLES = 200
EXPONENTS = {"alpha[all]", "beta[all]"}
# Quantiles that end the 90 % and the 50 % interval.
ENDS = (0.05, 0.25, 0.75, 0.95)


class Table(NamedTuple):
    """One simulated table: log inputs from the middle of the design, and log losses."""

    x: np.ndarray  # (2, run)
    y: np.ndarray  # (run,)


class Answer(NamedTuple):
    """Log loss at the target, ends of its intervals, and what checks count."""

    point: float
    ends: np.ndarray
    counts: dict[str, int]


def design(arm: str) -> dict[str, np.ndarray]:
    factors = FACTORS[::4] if arm == "few" else FACTORS
    N = np.outer(np.sqrt(BUDGETS / 120), factors).ravel()
    return {"N": N, "D": np.repeat(BUDGETS, len(factors)) / (6 * N)}


def middle(inputs: dict[str, np.ndarray]) -> dict[str, float]:
    return {name: float(np.exp(np.log(v).mean())) for name, v in inputs.items()}


def log_law(theta: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Log loss of theta = (log E, log size, log data, alpha, beta) at x."""
    return special.logsumexp(_terms(theta, x), axis=0)


def _terms(theta: np.ndarray, x: np.ndarray) -> np.ndarray:
    e, size, data, alpha, beta = theta
    return np.stack([e + 0 * x[0], size - alpha * x[0], data - beta * x[1]])


def _gradient(theta: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Derivatives of log_law, one row a parameter."""
    share = special.softmax(_terms(theta, x), axis=0)
    return np.concatenate([share, -share[1:] * x])


def simulated(arm: str, count: int) -> tuple[list[Table], np.ndarray]:
    """Tables of an arm, and their true log losses at the target."""
    inputs = design(arm)
    x = np.stack([np.log(inputs[k] / c) for k, c in middle(inputs).items()])
    tables, truths = [], []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        drawn = rng.uniform(*np.transpose(list(TRUTHS.values())))
        theta = np.array([*np.log(drawn[:3]), *drawn[3:]])
        noise = NOISE["scale"] * rng.standard_t(NOISE["df"], x.shape[1])
        tables.append(Table(x, log_law(theta, x) + noise))
        truths.append(log_law(theta, at_target(inputs)))
    return tables, np.array(truths)


def at_target(inputs: dict[str, np.ndarray]) -> np.ndarray:
    return np.array([log(TARGET[k] / c) for k, c in middle(inputs).items()])


def bootstrap(arm: str, table: Table, seed: int) -> Answer:
    """Best Huber fit of several starts; percentiles of fits to resampled runs."""
    target, level = at_target(design(arm)), np.median(table.y)
    starts = [
        np.array([level + log(w), *2 * [level + log((1 - w) / 2)], alpha, beta])
        for w, alpha, beta in itertools.product((0.3, 0.6, 0.9), *2 * [(0.2, 0.5)])
    ]
    fits = [huber_fit(table, start) for start in starts]
    best = min(fits, key=lambda fit: fit.fun).x
    rng, n = np.random.default_rng(seed), len(table.y)
    drawn = []
    for _ in range(RESAMPLES):
        rows = rng.integers(n, size=n)
        refit = huber_fit(Table(table.x[:, rows], table.y[rows]), best)
        drawn.append(log_law(refit.x, target))
    return Answer(log_law(best, target), np.quantile(drawn, ENDS), {})


def huber_fit(table: Table, start: np.ndarray) -> optimize.OptimizeResult:
    """Minimise the Huber loss of log losses, in centred coordinates by BFGS."""

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
        error = log_law(theta, table.x) - table.y
        slope = np.clip(error / HUBER, -1, 1)
        loss = special.huber(HUBER, error).sum() / HUBER
        return loss, _gradient(theta, table.x) @ slope

    return optimize.minimize(objective, start, jac=True, method="BFGS")


def delta(arm: str, table: Table, seed: int) -> Answer:
    """Least squares of log losses; Student-t interval from the linearised law."""
    target, level = at_target(design(arm)), np.median(table.y)
    start = np.array([level + log(0.6), *2 * [level + log(0.2)], 0.35, 0.35])
    found = optimize.least_squares(
        lambda theta: log_law(theta, table.x) - table.y,
        start,
        jac=lambda theta: _gradient(theta, table.x).T,
        x_scale="jac",
    )
    free = len(table.y) - len(start)
    slope = _gradient(found.x, target)
    # The pseudo-inverse: E may have gone to 0, where its log is not identified.
    covariance = np.linalg.pinv(found.jac.T @ found.jac) * 2 * found.cost / free
    point = log_law(found.x, target)
    se = np.sqrt(slope @ covariance @ slope)
    return Answer(point, point + se * stats.t(free).ppf(ENDS), {})


def posterior(arm: str, table: Table, seed: int) -> Answer:
    """Quantiles of the posterior of the loss that the law expects."""
    from bayeslaw import check, fit, predict
    from bayeslaw.checks.power_scaling import sensitivities
    from bayeslaw.data.losses import table_from_rows

    constant = {"origin": "simulated", "family": "all", "unit": "nats/token"}
    columns = zip(*design(arm).values(), np.exp(table.y), strict=True)
    rows = [
        constant | {"run": f"r{i}", "N": N, "D": D, "value": value}
        for i, (N, D, value) in enumerate(columns)
    ]
    found = fit(table_from_rows(rows), spec_of(arm), seed=seed)
    drawn = np.log(predict(found, **TARGET)).ravel()
    diverging = int(found["sample_stats"]["diverging"].sum())
    conflicts = {
        one.name
        for one in sensitivities(found)
        if one.diagnosis == "prior-data conflict"
    }
    counts = {
        "tables_with_a_failed_check": int(not check(found).is_passed),
        "tables_with_prior_data_conflict": int(bool(conflicts & EXPONENTS)),
        "tables_with_divergences": int(diverging > 0),
        "divergent_iterations": diverging,
    }
    return Answer(np.median(drawn), np.quantile(drawn, ENDS), counts)


FUNCTIONS = {"posterior": posterior, "bootstrap": bootstrap, "delta": delta}


def spec_of(arm: str) -> ModelSpec:
    """models/chinchilla.toml; arms low and high with four priors moved.

    Priors of both exponents and both odds of a term over E are centred two sd from the
    middle of the truths, in the directions that move E the same way.
    """
    spec = read_spec(ROOT / "models/chinchilla.toml")
    if arm not in ("low", "high"):
        return spec
    centre = {name: sum(ends) / 2 for name, ends in TRUTHS.items()}
    moved = {
        "log_alpha": (log(centre["alpha"]), -1),
        "log_beta": (log(centre["beta"]), -1),
        "odds_N": (log(centre["size"] / centre["E"]), 1),
        "odds_D": (log(centre["data"] / centre["E"]), 1),
    }
    priors = {}
    for name, (loc, sign) in moved.items():
        prior = spec.prior_of(name)
        step = 2 * hypot(prior.scale, prior.spread / 2)
        loc += sign * step * (1 if arm == "low" else -1)
        priors[name] = PriorOverride(loc=loc, scale=prior.scale, spread=prior.spread)
    return spec.model_copy(update={"priors": priors})


def run(arm: str, count: int) -> None:
    tables, truth = simulated(arm, count)
    # Fits without a prior would say on the tables of `well` what they say there.
    names = METHODS if arm in ("well", "few") else ["posterior"]
    found, costs, counts = {}, {}, {}
    for name in names:
        start, answers = time.process_time(), []
        for seed, table in enumerate(tables):
            answers.append(FUNCTIONS[name](arm, table, seed))
            if len(answers) % 50 == 0:
                print(f"{arm}, {name}: {len(answers)} of {count}", flush=True)
        costs[name] = round((time.process_time() - start) / count, 4)
        points, ends = (np.array([one[k] for one in answers]) for k in (0, 1))
        found[name] = per_table(points, ends, truth)
        kinds = answers[0].counts
        counts[name] = {k: sum(one.counts[k] for one in answers) for k in kinds}
    record = {
        "arm": arm,
        "about": ARMS[arm],
        "origin": "simulated",
        "tables": count,
        "runs": len(tables[0].y),
        "resamples": RESAMPLES,
        "versions": {n: version(n) for n in ("bayeslaw", "jax", "numpyro", "scipy")},
        "methods": {
            name: {k: with_se(STATISTICS[k], values[k]) for k in STATISTICS}
            | {"cpu_s": costs[name]}
            | counts[name]
            for name, values in found.items()
        },
        "posterior_over": {
            name: {k: ratio(k, found["posterior"], found[name]) for k in COMPARED}
            for name in names
            if name != "posterior"
        },
    }
    path = RESULTS / f"bootstrap-{arm}.json"
    path.write_text(json.dumps(record, indent=1) + "\n")
    print(markdown(record))


def root_mean_square(values: np.ndarray) -> float:
    return np.sqrt(np.mean(values**2))


# How the numbers of all tables become one number of a method.
STATISTICS: dict[str, Callable[[np.ndarray], Any]] = {
    "within_50": np.mean,
    "within_90": np.mean,
    "width_90": np.median,
    "score_90": np.mean,
    "rmse": root_mean_square,
    "bias": np.mean,
}
COMPARED = ("width_90", "score_90", "rmse")


def per_table(
    points: np.ndarray, ends: np.ndarray, truth: np.ndarray
) -> dict[str, np.ndarray]:
    """What each statistic is made of, in percent of the true loss."""
    lower, low, high, upper = 100 * np.expm1(ends.T - truth)
    missed = np.maximum(lower, 0) - np.minimum(upper, 0)
    error = 100 * np.expm1(points - truth)
    return {
        "within_50": 100.0 * ((low <= 0) & (high >= 0)),
        "within_90": 100.0 * (missed == 0),
        "width_90": upper - lower,
        # Gneiting and Raftery 2007, doi 10.1198/016214506000001437, equation 43.
        "score_90": upper - lower + 20 * missed,
        "rmse": error,
        "bias": error,
    }


def ratio(
    name: str, one: dict[str, np.ndarray], other: dict[str, np.ndarray]
) -> list[float]:
    """A statistic of one method over that of another, on the same tables."""
    of = STATISTICS[name]
    both = np.stack([one[name], other[name]], axis=1)
    return with_se(lambda values: of(values[:, 0]) / of(values[:, 1]), both)


def with_se(of: Callable[[np.ndarray], Any], values: np.ndarray) -> list[float]:
    """A statistic over tables, and its standard error by resampling tables."""
    picks = np.random.default_rng(0).integers(len(values), size=(1000, len(values)))
    again = [of(values[pick]) for pick in picks]
    return [round(float(number), 4) for number in (of(values), np.std(again))]


def markdown(record: dict[str, Any]) -> str:
    """Numbers of one arm as a table."""
    lines = [
        "| method | in 50 % | in 90 % | width | score | RMSE | bias | CPU-s |",
        "|---" * 8 + "|",
    ]
    for name, one in record["methods"].items():
        cells = ["{:.0f} ({:.0f})".format(*one[f"within_{k}"]) for k in (50, 90)]
        cells += ["{:.2f} ({:.2f})".format(*one[k]) for k in [*STATISTICS][2:]]
        cells.append(f"{one['cpu_s']:.2g}")
        lines.append(f"| {METHODS[name]} | " + " | ".join(cells) + " |")
    for name, one in record["posterior_over"].items():
        said = ["{} {:.2f} ({:.2f})".format(k, *one[k]) for k in COMPARED]
        lines.append(f"\nPosterior over {METHODS[name]}: " + ", ".join(said))
    return "\n".join(lines)


def figure() -> None:
    from matplotlib.figure import Figure

    from bayeslaw.plots.style import INK, MUTED, OKABE_ITO, WIDTH, figure_style, to_svg

    records = [
        json.loads((RESULTS / f"bootstrap-{arm}.json").read_text()) for arm in ARMS
    ]
    panels = {
        "intervals that hold the truth, %": ("within_50", "within_90"),
        "width of the 90 % interval, % of the loss": ("width_90",),
        "RMSE of the prediction, % of the loss": ("rmse",),
    }
    with figure_style():
        drawn = Figure(figsize=(WIDTH, 1.2 + 0.55 * len(records)))
        every = drawn.subplots(1, len(panels), sharey=True)
        for axes, (label, names) in zip(every, panels.items(), strict=True):
            for row, record in enumerate(records):
                for place, name in enumerate(METHODS):
                    own = record["methods"]
                    # Fits without a prior are those of the first arm, shown faint.
                    one = own.get(name, records[0]["methods"][name])
                    for statistic in names:
                        value, se = one[statistic]
                        axes.errorbar(
                            value,
                            row + 0.22 * (place - 1),
                            xerr=1.96 * se,
                            fmt="os^"[place],
                            markersize=5,
                            color=OKABE_ITO[place],
                            markerfacecolor="white" if "50" in statistic else None,
                            alpha=1.0 if name in own else 0.3,
                            label=METHODS[name] if name in own else None,
                        )
            axes.set_xlabel(label)
            axes.set_xlim(0, 104 if "within_90" in names else None)
            axes.grid(axis="y", visible=False)
            axes.tick_params(axis="y", length=0)
        for level in (50, 90):
            every[0].axvline(level, color=MUTED, linewidth=0.9, linestyle=":")
        labels = [one["about"].replace(", ", ",\n") for one in records]
        every[0].set_xticks((0, 25, 50, 75, 90))
        every[2].set_xticks(np.arange(0, 2, 0.5))
        every[0].set_yticks(range(len(records)), labels)
        every[0].set_ylim(len(records) - 0.5, -0.5)
        handles, names = every[0].get_legend_handles_labels()
        legend = dict(zip(names, handles, strict=True))
        drawn.legend(
            legend.values(),
            legend.keys(),
            loc="outside lower center",
            ncols=len(METHODS),
        )
        tables = records[0]["tables"]
        title = f"{tables} simulated tables each; filled: 90 % intervals, open: 50 %"
        drawn.suptitle(title, fontsize=9, color=INK)
    FIGURE.write_text(to_svg(drawn), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arm", choices=ARMS)
    parser.add_argument("--tables", type=int, default=200)
    parser.add_argument("--figure", action="store_true")
    arguments = parser.parse_args()
    if arguments.arm:
        run(arguments.arm, arguments.tables)
    if arguments.figure:
        figure()


if __name__ == "__main__":
    main()
