"""What a posterior says of losses: at new points, and of the rows it was fitted to."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from bayeslaw.errors import InputError
from bayeslaw.inference.posterior import Fitted, Posterior
from bayeslaw.model import noise_of_rows
from bayeslaw.numbers import in_float64

# Enough draws for probabilities to two digits; all draws would cost memory in
# proportion to rows x draws.
MAX_PREDICTIVE_DRAWS = 500
# Probability of a Normal value up to one sd above its mean.
ONE_SD = 0.8413447460685429
# Inputs that a caller need not give: tokens seen once, a cooled run.
DEFAULT_INPUTS = {"epochs": 1.0, "trunk": 0.0}


def predict(
    posterior: Posterior,
    *,
    max_draws: int | None = None,
    new_run: bool = False,
    seed: int = 0,
    **inputs: Any,
) -> Float[np.ndarray, "draw point family"]:
    """Predict the loss of every family at new points: its mean, or that of a new run.

    Args:
      posterior: result of `fit`.
      max_draws: maximum number of draws, evenly spaced.
      new_run: whether to add the run effect and row noise of one new run. Expected
        losses if not.
      seed: seed of that noise.
      **inputs: inputs of the law by name, N, D and p, each broadcastable to
        (point, family), in units of the table; with transfer, p to (point, source)
        in the order of the posterior's `source`. Where the model has the extension:
        `epochs` of each family (1 if not given) and `trunk` (0, a cooled run).

    Returns:
      draws of the law's outcome, in the table's unit. Shape (draw, point, family).

    Raises:
      InputError: an input of the law is missing, or an unknown input is given.

    Example:
      >>> predict(posterior, N=1e9, D=2e10, p=[[0.2, 0.2, 0.2, 0.2, 0.2]]).shape
      (4000, 1, 5)
    """
    fitted = Fitted.of(posterior)
    law = fitted.law
    optional = [name for name in DEFAULT_INPUTS if name in law.all_inputs]
    if not set(law.inputs) <= set(inputs) <= {*law.inputs, *optional}:
        raise InputError(
            "the inputs do not match those of the law",
            "arguments of predict",
            ", ".join(sorted(inputs)) or "none",
            ", ".join([*law.inputs, *(f"{name} (optional)" for name in optional)]),
            f"give every input of {law.name}, and no other",
        )
    given = {name: np.atleast_2d(np.asarray(v, float)) for name, v in inputs.items()}
    log_mean = log_outcome(fitted, law_inputs(fitted, given), max_draws)
    if new_run:
        noise = _run_noise(fitted, log_mean.shape, max_draws, seed, given.get("p"))
        log_mean = log_mean + noise
    return np.exp(log_mean)


def law_inputs(fitted: Fitted, given: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Inputs as the law takes them, from plain ones of (point, family) or (point, 1).

    Ratios are (point, source) where the law takes whole mixtures.
    """
    law, reference = fitted.law, fitted.record["reference"]
    n_points = np.broadcast_shapes(*(array.shape[:1] for array in given.values()))[0]
    shape = (n_points, len(fitted.families))
    found = {
        name: np.broadcast_to(np.log(given[name] / reference[name]), shape).T
        for name in law.all_inputs
        if name in reference
    }
    for name, default in DEFAULT_INPUTS.items():
        if name in law.all_inputs:
            found[name] = np.broadcast_to(given.get(name, np.array(default)), shape).T
    if fitted.has_transfer:
        mixture = np.broadcast_to(given["p"], (n_points, len(fitted.sources)))
        found |= mixture_inputs(fitted, mixture)
    return found


def mixture_inputs(
    fitted: Fitted, mixture: Float[np.ndarray, "point source"]
) -> dict[str, Any]:
    """Inputs of the transfer extension at new mixtures."""
    return {
        "mixture": mixture.T,
        "own": np.equal.outer(np.array(fitted.families), np.array(fitted.sources)),
        "log_p0": np.log(fitted.record["reference"]["p"]),
    }


@in_float64
def log_outcome(
    fitted: Fitted, inputs: Mapping[str, Any], max_draws: int | None = None
) -> Float[np.ndarray, "draw point family"]:
    """Log of the expected outcome at inputs as the law takes them."""
    law = fitted.law
    fixed = {name: jnp.asarray(array) for name, array in inputs.items()}
    outcome = jax.vmap(lambda values: law.log_outcome(fixed, values))
    draws = fitted.coordinates(max_draws)
    found = outcome({k: jnp.asarray(v) for k, v in draws.items()})
    return np.asarray(found).swapaxes(1, 2)


def _run_noise(
    fitted: Fitted,
    shape: tuple[int, ...],
    max_draws: int | None,
    seed: int,
    ratios: np.ndarray | None,
) -> np.ndarray:
    """Deviation that a single run adds to the log loss of every point and family."""
    rng = np.random.default_rng(seed)
    noise = _noise_at(fitted, shape, max_draws, ratios)
    drawn = noise.rvs(size=shape, random_state=rng)
    if fitted.has("run_sd"):
        run_sd = fitted.draws("run_sd", max_draws)[:, None, None]
        drawn = drawn + run_sd * rng.normal(size=(*shape[:2], 1))
    return drawn


def row_noise_width(
    fitted: Fitted, ratios: Float[np.ndarray, " source"] | None = None
) -> Float[np.ndarray, "draw family"]:
    """Half the width of the central 68 % interval of a row's noise, on log loss.

    One sd if the noise is Normal; Student-t noise of few degrees of freedom has none.

    Args:
      fitted: a posterior.
      ratios: the mixture; the reference ratio of all families if None.
    """
    shape = (fitted.n_draws, 1, len(fitted.families))
    batch = None if ratios is None else ratios[None]
    return _noise_at(fitted, shape, None, batch).ppf(ONE_SD)[:, 0]


def _noise_at(
    fitted: Fitted,
    shape: tuple[int, ...],
    max_draws: int | None,
    ratios: np.ndarray | None,
) -> Any:
    """Noise of new rows around 0, (draw, point, family)."""
    noise, log_ratio = fitted.spec.noise, np.zeros(())
    if noise.depends_on_ratio and ratios is not None:
        log_ratio = own_log_ratio(fitted, ratios)
    return noise_of_rows(
        noise.likelihood,
        _shape_of_noise(fitted, max_draws),
        np.zeros(shape),
        fitted.draws("sigma", max_draws)[:, None, :],
        log_ratio=log_ratio,
    )


def own_log_ratio(
    fitted: Fitted, ratios: Float[np.ndarray, "*batch source"]
) -> Float[np.ndarray, "*batch family"]:
    """log(p / reference) of each family; 0 counts as the smallest ratio tried."""
    if fitted.has_transfer:
        ratios = ratios[..., [fitted.sources.index(name) for name in fitted.families]]
    tried = fitted.rows["p"].values
    positive = np.where(ratios > 0, ratios, tried[tried > 0].min())
    return np.log(positive / fitted.record["reference"]["p"])


def _shape_of_noise(
    fitted: Fitted, max_draws: int | None
) -> dict[str, Float[np.ndarray, " draw"]]:
    """Draws of what all rows' noise shares, as far as the model has it."""
    names = [name for name in ("nu", "sigma_ratio_power") if fitted.has(name)]
    return {name: fitted.draws(name, max_draws) for name in names}


def predictive(
    posterior: Posterior, max_draws: int = MAX_PREDICTIVE_DRAWS
) -> tuple[Any, np.ndarray]:
    """Predictive distribution of the log of every fitted row, given its run's effect.

    Args:
      posterior: result of `fit`.
      max_draws: maximum number of draws.

    Returns:
      frozen distribution of shape (draw, observation), and the observed log values,
      shape (observation,).
    """
    fitted = Fitted.of(posterior)
    rows = fitted.rows
    family = fitted.posterior.get_index("family").get_indexer(rows["family"].values)
    inputs = _fitted_inputs(fitted, family)
    log_mean = log_outcome(fitted, inputs, max_draws)
    mean = log_mean[:, rows["cell"].values, family]
    if fitted.has("run_effect"):
        run = fitted.posterior.get_index("run").get_indexer(rows["run"].values)
        mean = mean + fitted.draws("run_effect", max_draws)[:, run]
    noise = noise_of_rows(
        fitted.spec.noise.likelihood,
        _shape_of_noise(fitted, max_draws),
        mean,
        fitted.draws("sigma", max_draws)[:, family],
        log_se=rows["log_se"].values,
        log_ratio=rows["log_ratio"].values,
    )
    return noise, np.log(fitted.observed)


def _fitted_inputs(fitted: Fitted, family: np.ndarray) -> dict[str, Any]:
    """Inputs of the fitted rows, laid out as families by cells."""
    law, record, rows = fitted.law, fitted.record, fitted.rows
    cell = rows["cell"].values
    shape = (len(fitted.families), cell.max() + 1)

    def spread(values: np.ndarray) -> np.ndarray:
        array = np.zeros(shape)
        array[family, cell] = values
        return array

    reference = record["reference"]
    found = {
        name: spread(
            np.log(rows[name].values / reference[name])
            if name in reference
            else rows[name].values
        )
        for name in law.all_inputs
        if name in rows
    }
    if fitted.has_transfer:
        # Not every cell has a row.
        run = np.full(shape[1], rows["run"].values[0], object)
        run[cell] = rows["run"].values
        mixtures = [record["mixtures"][name] for name in run]
        ratios = [[mix.get(s, 0.0) for s in fitted.sources] for mix in mixtures]
        found |= mixture_inputs(fitted, np.array(ratios))
    return found


def pit(posterior: Posterior) -> Float[np.ndarray, " observation"]:
    """Probability integral transform of each fitted row; uniform if the model fits."""
    distribution, observed = predictive(posterior)
    return distribution.cdf(observed).mean(0)


def replicate(
    posterior: Posterior, *, seed: int = 0, n_draws: int = 200
) -> Float[np.ndarray, "draw observation"]:
    """Draw replicated values of the fitted rows, in the table's unit."""
    distribution, _ = predictive(posterior, n_draws)
    return np.exp(distribution.rvs(random_state=np.random.default_rng(seed)))
