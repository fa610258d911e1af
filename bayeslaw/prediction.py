"""What a posterior says of losses: at new points, and of the rows it was fitted to."""

from typing import Any

import jax
import numpy as np
import xarray as xr
from jaxtyping import Float
from scipy import stats

from bayeslaw.errors import InputError
from bayeslaw.posterior import spec_of

# Enough draws for probabilities to two digits; all draws would cost memory in
# proportion to rows x draws.
MAX_PREDICTIVE_DRAWS = 500


def parameters(
    posterior: xr.DataTree, max_draws: int | None = None
) -> dict[str, Float[np.ndarray, "draw family"]]:
    """The law's parameters, chains joined, optionally thinned evenly.

    Args:
      posterior: result of `fit`.
      max_draws: at most so many draws, evenly spaced; None for all.
    """
    law = spec_of(posterior).law_record
    draws = posterior["posterior"].dataset
    return {name: _joined(draws[name], max_draws) for name in law.parameters}


def _joined(values: xr.DataArray, max_draws: int | None) -> np.ndarray:
    array = values.values.reshape(-1, *values.shape[2:])
    if max_draws is None or len(array) <= max_draws:
        return array
    return array[np.linspace(0, len(array) - 1, max_draws).astype(int)]


def predict(
    posterior: xr.DataTree, *, max_draws: int | None = None, **inputs: Any
) -> Float[np.ndarray, "draw point family"]:
    """Expected loss of every family at new points, noise and seeds left out.

    Args:
      posterior: result of `fit`.
      max_draws: at most so many draws, evenly spaced.
      **inputs: inputs of the law by name, e.g. N, D and p, each broadcastable to
        (point, family); units of the table.

    Returns:
      draws of the law's outcome, in the table's unit. Shape (draw, point, family).

    Raises:
      InputError: an input of the law is missing, or one is named that it lacks.

    Example:
      >>> predict(posterior, N=1e9, D=2e10, p=[[0.2, 0.2, 0.2, 0.2, 0.2]]).shape
      (4000, 1, 5)
    """
    law = spec_of(posterior).law_record
    if set(inputs) != set(law.inputs):
        raise InputError(
            "inputs do not match the law's",
            "arguments of predict",
            ", ".join(sorted(inputs)) or "none",
            ", ".join(law.inputs),
            f"name every input of {law.name}, and no other",
        )
    values = {
        name: draws[:, None, :]
        for name, draws in parameters(posterior, max_draws).items()
    }
    with jax.enable_x64(True):
        points = [np.atleast_2d(np.asarray(inputs[name], float)) for name in law.inputs]
        return np.asarray(law.function(*points, **values))


def predictive(
    posterior: xr.DataTree, max_draws: int = MAX_PREDICTIVE_DRAWS
) -> tuple[Any, np.ndarray]:
    """Predictive distribution of the log of every fitted row, given its run's effect.

    Args:
      posterior: result of `fit`.
      max_draws: at most so many draws.

    Returns:
      frozen scipy distribution of shape (draw, observation), and the observed log
      values, shape (observation,).
    """
    spec = spec_of(posterior)
    rows = posterior["constant_data"].dataset
    draws = posterior["posterior"].dataset
    family = draws.get_index("family").get_indexer(rows["family"].values)
    inputs = {name: rows[name].values for name in spec.law_record.inputs}
    with jax.enable_x64(True):
        values = {
            name: array[:, family]
            for name, array in parameters(posterior, max_draws).items()
        }
        mean = np.log(np.asarray(spec.law_record.function(*inputs.values(), **values)))
    if "run_effect" in draws:
        run = draws.get_index("run").get_indexer(rows["run"].values)
        mean = mean + _joined(draws["run_effect"], max_draws)[:, run]
    observed = posterior["observed_data"].dataset["value"].values
    scale = np.hypot(
        rows["log_se"].values, _joined(draws["sigma"], max_draws)[:, family]
    )
    if spec.noise.likelihood == "normal":
        return stats.norm(mean, scale), np.log(observed)
    nu = _joined(draws["nu"], max_draws)[:, None]
    return stats.t(nu, mean, scale), np.log(observed)


def pit(posterior: xr.DataTree) -> Float[np.ndarray, " observation"]:
    """Probability integral transform of each fitted row; uniform if the model fits."""
    distribution, observed = predictive(posterior)
    return distribution.cdf(observed).mean(0)


def replicate(
    posterior: xr.DataTree, *, seed: int = 0, n_draws: int = 200
) -> Float[np.ndarray, "draw observation"]:
    """Replicated values of the fitted rows, in the table's unit."""
    distribution, _ = predictive(posterior, n_draws)
    return np.exp(distribution.rvs(random_state=np.random.default_rng(seed)))
