"""Time of every variant of the best mixture, beside SLSQP and cvxpy.

    python -m benchmarks.ratios.run

Problems are simulated. Peers solve one problem at a time; they are given a few draws
and their time is scaled to all. cvxpy is timed where it is installed (`pip install
cvxpy`; bayeslaw does not need it), compilation of the problem included. Variants take
turns on one thread; medians of the repeats go to benchmarks/results/ratios.json.
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from bayeslaw.decisions.solvers import best_mixture, best_per_draw
from benchmarks.ratios.peers import by_cvxpy, by_slsqp, objective
from benchmarks.ratios.problems import WORST_SHARE, Problem, problems, transfer_problems

RESULTS = Path(__file__).parents[1] / "results/ratios.json"


def solved(problem: Problem) -> Any:
    losses, limits, risk, together = problem
    if together:
        return best_mixture(losses, limits, risk, WORST_SHARE)
    return best_per_draw(losses, limits, risk)


def timed(work: Callable[[], Any]) -> tuple[dict[str, float], Any]:
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    seconds = {
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
    }
    return seconds, result


def peers() -> dict[str, Callable[[Problem], np.ndarray]]:
    found = {"slsqp": by_slsqp}
    try:
        version("cvxpy")
    except PackageNotFoundError:
        return found
    return found | {"cvxpy": by_cvxpy}


def with_peers(problem: Problem, n_draws: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each peer on the first draws, one after another or all in one mixture."""
    part = problem._replace(losses=problem.losses.take(slice(0, n_draws)))
    ones = [part]
    if not problem.together:
        ones = [
            part._replace(losses=part.losses.take([draw])) for draw in range(n_draws)
        ]
    own, found = timed(lambda: solved(part))
    scale = 1 if problem.together else len(problem.losses) / n_draws
    yield "bayeslaw, same draws", {**own, "draws": n_draws}
    for name, solve in peers().items():
        if name == "cvxpy" and problem.losses.repetition is not None:
            continue  # not convex to its rules
        if name == "slsqp" and problem.risk == "cvar":
            continue  # a tail has kinks, which SLSQP does not take
        seconds, ratios = timed(lambda solve=solve: [solve(one) for one in ones])
        excess = [
            objective(one, mixture) / objective(one, mine) - 1
            for one, mixture, mine in zip(ones, ratios, found.ratios, strict=True)
        ]
        yield (
            name,
            {
                **seconds,
                "draws": n_draws,
                "scaled_wall_s": scale * seconds["wall_s"],
                # Below 0 where the peer's mixture is the better one.
                "largest_excess": max(excess),
                "least_excess": min(excess),
            },
        )


def machine() -> dict[str, Any]:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(":")[1].strip() for line in lines if "model name" in line]
    packages = {}
    for name in ("numpy", "scipy", "cvxpy"):
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            packages[name] = "not installed"
    return {
        "cpu": names[0],
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **packages,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=10_000)
    parser.add_argument("--families", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peer-draws", type=int, default=3)
    parser.add_argument("--transfer-families", type=int, nargs="*", default=[8, 30])
    arguments = parser.parse_args()
    with threadpool_limits(1, user_api="blas"):
        measure(arguments)


def measure(arguments: argparse.Namespace) -> None:
    # One BLAS thread for all: with two, SLSQP's small matrices wait for each other.
    every = problems(arguments.draws, arguments.families)
    for count in arguments.transfer_families:
        more = transfer_problems(arguments.draws, count)
        every |= {f"{name}, {count} families": one for name, one in more.items()}
    times: dict[str, list[dict[str, float]]] = defaultdict(list)
    unsolved = {}
    for _ in range(arguments.repeats):
        for name, problem in every.items():
            seconds, found = timed(lambda problem=problem: solved(problem))
            times[name].append(seconds)
            unsolved[name] = int((~found.is_solved).sum())
    variants = {}
    for name, problem in every.items():
        variants[name] = {
            "draws": len(problem.losses),
            "families": problem.losses.a.shape[1],
            **{
                key: statistics.median(one[key] for one in times[name])
                for key in ("wall_s", "cpu_s")
            },
            "unsolved": unsolved[name],
            "peers": dict(with_peers(problem, arguments.peer_draws)),
        }
        print(name, json.dumps(variants[name]), flush=True)
    record = {
        "machine": machine(),
        "about": "simulated problems; medians of interleaved repeats; peers on few "
        "draws, scaled_wall_s to all draws where each draw is a problem of its own",
        "repeats": arguments.repeats,
        "variants": variants,
    }
    RESULTS.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
