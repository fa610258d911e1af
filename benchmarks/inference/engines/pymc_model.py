"""The model in PyMC, for PyMC's NUTS and for nutpie."""

from math import log
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from engines.protocol import NAMES, PRIORS, Result, log_share

# Moved through its elasticity, see `protocol.log_share`.
ELASTICITY = {"log_alpha": "slope_N", "log_beta": "slope_D"}


def model(data: dict[str, np.ndarray]) -> pm.Model:
    """All coordinates centred: with a mass matrix that knows correlations this beat
    every non-centred variant tried, in steps and in divergences.
    """
    n_runs, n_families = data["x_p"].shape
    theta: dict[str, Any] = {}
    with pm.Model() as program:
        for name, (loc, scale, sd_loc) in PRIORS.items():
            mean = pm.Normal(f"{name}_mean", loc, scale)
            sd = pm.LogNormal(f"{name}_sd", sd_loc, 0.5)
            if name in ELASTICITY:
                shift = _log_share(theta, name, pt)
                slope = pm.Normal(ELASTICITY[name], mean + shift, sd, shape=n_families)
                theta[name] = slope - shift
            else:
                theta[name] = pm.Normal(name, mean, sd, shape=n_families)
        sigma = pm.LogNormal("sigma", log(0.01), 0.7, shape=n_families)
        run_sd = pm.LogNormal("run_sd", log(0.01), 0.7)
        nu = pm.Gamma("nu", 2.0, 0.1)
        run_effect = pm.Normal("run_effect", 0.0, run_sd, shape=n_runs)
        alpha, beta, gamma = (
            pt.exp(theta[name]) for name in ("log_alpha", "log_beta", "log_gamma")
        )
        bend = pt.log1p(
            pt.exp(theta["odds_N"] - alpha * data["x_N"][:, None])
            + pt.exp(theta["odds_D"] - beta * data["x_D"][:, None])
        )
        at_reference = pt.log1p(pt.exp(theta["odds_N"]) + pt.exp(theta["odds_D"]))
        curve = theta["level"] - at_reference + bend
        shift = run_effect[:, None] - gamma * data["x_p"]
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
    for name, slope in ELASTICITY.items():
        draws[name] = draws[slope] - _log_share(draws, name, np)
    return Result(
        {name: draws[name] for name in NAMES},
        int(statistics["diverging"].sum()),
        float(statistics["n_steps"].mean()),
    )


def log_density(program: pm.Model, point: dict[str, np.ndarray]) -> float:
    sampled = dict(point)
    for name, slope in ELASTICITY.items():
        sampled[slope] = point[name] + _log_share(point, name, np)
    values = {}
    for variable, value in program.rvs_to_values.items():
        if variable in program.free_RVs:
            is_log = program.rvs_to_transforms[variable] is not None
            number = sampled[variable.name]
            values[value.name] = np.log(number) if is_log else np.asarray(number)
    return float(program.compile_logp(jacobian=False)(values))


def _log_share(theta: dict[str, Any], name: str, library: Any) -> Any:
    return log_share(theta["odds_N"], theta["odds_D"], name, library.log1p, library.exp)
