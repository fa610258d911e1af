"""Intervals of a predicted loss: the posterior against today's Huber fit and bootstrap.

Four arms of simulated tables of one family whose law is that of Hoffmann et al. The
question to each method is the mean loss of a 7B model after 1T tokens.

- `well`: priors of models/chinchilla.toml, truths well inside them;
- `few`: as `well`, with a third of the runs;
- `low`, `high`: the tables of `well`, priors centred two sd from the middle of the
  truths.

    .venv/bin/python benchmarks/bootstrap.py --arm well

Each arm writes benchmarks/results/bootstrap-ARM.json; `--figure` draws those that are
there. All numbers are of simulated tables.
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

from bayeslaw.spec import ModelSpec, PriorOverride, read_spec

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
# Quantiles that end the 90 % and the 50 % interval.
ENDS = (0.05, 0.25, 0.75, 0.95)
BATCH = 10


class Table(NamedTuple):
    """One simulated table: log inputs from the middle of the design, and log losses."""

    x: np.ndarray  # (2, run)
    y: np.ndarray  # (run,)


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


def bootstrap(table: Table, target: np.ndarray, seed: int) -> tuple[float, np.ndarray]:
    """Best Huber fit of several starts; percentiles of fits to resampled runs."""
    level = np.median(table.y)
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
    return log_law(best, target), np.quantile(drawn, ENDS)


def huber_fit(table: Table, start: np.ndarray) -> optimize.OptimizeResult:
    """Minimise the Huber loss of log losses, in centred coordinates by BFGS."""

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
        error = log_law(theta, table.x) - table.y
        slope = np.clip(error / HUBER, -1, 1)
        loss = special.huber(HUBER, error).sum() / HUBER
        return loss, _gradient(theta, table.x) @ slope

    return optimize.minimize(objective, start, jac=True, method="BFGS")


def delta(table: Table, target: np.ndarray, seed: int) -> tuple[float, np.ndarray]:
    """Least squares of log losses; Student-t interval from the linearised law."""
    level = np.median(table.y)
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
    return point, point + se * stats.t(free).ppf(ENDS)


def posterior(
    arm: str, tables: list[Table], report: Callable[[int], None]
) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Medians and interval ends of each table, and how the chains did."""
    import jax
    import jax.numpy as jnp
    from arviz_stats.base import array_stats

    from bayeslaw.fitting import use_compile_cache
    from bayeslaw.observations import arrange, select_rows
    from bayeslaw.sampler import SamplerSettings, sample

    use_compile_cache()
    spec, inputs, draws, diverging = spec_of(arm), design(arm), [], []
    settings = SamplerSettings(chains=4, warmup=300, draws=500)
    with jax.enable_x64(True):
        for start in range(0, len(tables), BATCH):
            seeds = [s % len(tables) for s in range(start, start + BATCH)]
            read = [run_table(inputs, tables[seed].y) for seed in seeds]
            arranged = [arrange(select_rows(one, spec), spec) for one in read]
            data = jax.tree.map(lambda *a: jnp.stack(a), *(d for d, _ in arranged))
            keys = jnp.stack([jax.random.key(seed) for seed in seeds])
            found = jax.device_get(sample(spec, data, keys, settings))
            law, reference = spec.law_record, arranged[0][1].reference
            coordinates = {name: found.values[name] for name in law.coordinates}
            natural = law.all_natural(coordinates, reference)
            draws.append(np.log(law.function(**TARGET, **natural))[..., 0])
            diverging.append(found.statistics["diverging"].any((1, 2)))
            report(min(start + BATCH, len(tables)))
    target = np.concatenate(draws)[: len(tables)]
    joined = target.reshape(len(target), -1)
    chains = {
        "sampler": str(settings),
        "largest_rhat": float(array_stats.rhat(target).max()),
        "with_divergences": int(np.concatenate(diverging)[: len(tables)].sum()),
    }
    return np.median(joined, 1), np.quantile(joined, ENDS, axis=1).T, chains


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


def run_table(inputs: dict[str, np.ndarray], log_losses: np.ndarray) -> Any:
    from bayeslaw.runs import table_from_rows

    constant = {"origin": "simulated", "family": "all", "unit": "nats/token"}
    columns = zip(*inputs.values(), np.exp(log_losses), strict=True)
    return table_from_rows(
        [
            constant | {"run": f"r{i}", "N": N, "D": D, "value": value}
            for i, (N, D, value) in enumerate(columns)
        ]
    )


def run(arm: str, count: int) -> None:
    tables, truth = simulated(arm, count)
    target = at_target(design(arm))
    found, cpu_s = {}, {}

    def told(name: str) -> Callable[[int], None]:
        return lambda done: print(f"{arm}, {name}: {done} of {count}", flush=True)

    start = time.process_time()
    points, ends, chains = posterior(arm, tables, told("posterior"))
    found["posterior"] = per_table(points, ends, truth)
    cpu_s["posterior"] = (time.process_time() - start) / count
    # The others know no prior: on the tables of `well` they would say the same again.
    others = {"bootstrap": bootstrap, "delta": delta} if arm in ("well", "few") else {}
    for name, method in others.items():
        start, results = time.process_time(), []
        for seed, table in enumerate(tables):
            results.append(method(table, target, seed))
            if (seed + 1) % (5 * BATCH) == 0:
                told(name)(seed + 1)
        points, ends = (np.array(part) for part in zip(*results, strict=True))
        found[name] = per_table(points, ends, truth)
        cpu_s[name] = (time.process_time() - start) / count
    record = {
        "arm": arm,
        "about": ARMS[arm],
        "origin": "simulated",
        "tables": count,
        "runs": len(tables[0].y),
        "resamples": RESAMPLES,
        "versions": {n: version(n) for n in ("bayeslaw", "jax", "numpyro", "scipy")},
        "chains": chains,
        "methods": {
            name: {k: with_se(STATISTICS[k], values[k]) for k in STATISTICS}
            | {"cpu_s": cpu_s[name]}
            for name, values in found.items()
        },
        "posterior_over": {
            name: {k: ratio(k, found["posterior"], found[name]) for k in COMPARED}
            for name in others
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
