"""The model in PyMC, for PyMC's NUTS and for nutpie."""

from math import log
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from benchmarks.inference.engines.protocol import NAMES, PRIORS, Result, log_share

# Moved through their elasticities, see `protocol.log_share`; the others as they are.
EXPONENTS = ("log_alpha", "log_beta")
PLAIN = tuple(name for name in PRIORS if name not in EXPONENTS)
ORDER = (*PLAIN, *EXPONENTS)


def model(data: dict[str, np.ndarray]) -> pm.Model:
    """All coordinates centred: with a mass matrix that knows correlations this beat
    every non-centred variant tried, in steps and in divergences. Few arrays instead of
    many named ones: they compile a tenth faster.
    """
    n_runs, n_families = data["x_p"].shape
    loc, scale, sd_loc = np.array([PRIORS[name] for name in ORDER]).T
    with pm.Model() as program:
        means = pm.Normal("means", loc, scale, shape=6)
        sds = pm.LogNormal("sds", sd_loc, 0.5, shape=6)
        centre, spread = means[:, None], sds[:, None]
        plain = pm.Normal("plain", centre[:4], spread[:4], shape=(4, n_families))
        level, odds, log_gamma = plain[0], plain[1:3], plain[3]
        at_reference = pt.log1p(pt.exp(odds).sum(0))
        share = odds - at_reference
        slopes = pm.Normal(
            "slopes", centre[4:] + share, spread[4:], shape=(2, n_families)
        )
        exponents = pt.exp(slopes - share)
        sigma = pm.LogNormal("sigma", log(0.01), 0.7, shape=n_families)
        run_sd = pm.LogNormal("run_sd", log(0.01), 0.7)
        nu = pm.Gamma("nu", 2.0, 0.1)
        run_effect = pm.Normal("run_effect", 0.0, run_sd, shape=n_runs)
        # (exponent, point, family)
        x = np.stack([data["x_N"], data["x_D"]])[:, :, None]
        bend = pt.log1p(pt.exp(odds[:, None] - exponents[:, None] * x).sum(0))
        curve = level - at_reference + bend
        shift = run_effect[:, None] - pt.exp(log_gamma) * data["x_p"]
        pm.StudentT(
            "y",
            nu=nu,
            mu=curve[data["point_of_cell"]] + shift[data["run_of_cell"]],
            sigma=pt.sqrt(data["log_se"] ** 2 + sigma**2),
            observed=data["y"],
        )
    return program


def result(trace: Any) -> Result:
    """From PyMC's or nutpie's DataTree."""
    posterior, statistics = trace["posterior"], trace["sample_stats"]
    draws = {name: values.to_numpy() for name, values in posterior.items()}
    for k, name in enumerate(ORDER):
        draws[f"{name}_mean"] = draws["means"][..., k]
        draws[f"{name}_sd"] = draws["sds"][..., k]
    for k, name in enumerate(PLAIN):
        draws[name] = draws["plain"][..., k, :]
    for k, name in enumerate(EXPONENTS):
        draws[name] = draws["slopes"][..., k, :] - _log_share(draws, name)
    return Result(
        {name: draws[name] for name in NAMES},
        int(statistics["diverging"].sum()),
        float(statistics["n_steps"].mean()),
    )


def log_density(program: pm.Model, point: dict[str, np.ndarray]) -> float:
    sampled = {
        **point,
        "means": np.stack([point[f"{name}_mean"] for name in ORDER]),
        "sds": np.stack([point[f"{name}_sd"] for name in ORDER]),
        "plain": np.stack([point[name] for name in PLAIN]),
        "slopes": np.stack([point[n] + _log_share(point, n) for n in EXPONENTS]),
    }
    values = {}
    for variable in program.free_RVs:
        number = np.asarray(sampled[variable.name])
        is_log = program.rvs_to_transforms[variable] is not None
        values[program.rvs_to_values[variable].name] = (
            np.log(number) if is_log else number
        )
    return float(program.compile_logp(jacobian=False)(values))


def _log_share(values: dict[str, Any], name: str) -> np.ndarray:
    return log_share(values["odds_N"], values["odds_D"], name)
