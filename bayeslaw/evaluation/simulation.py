"""Simulated studies: tables with a known truth, to test designs and the fit."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from bayeslaw.data.losses import RunTable, table_from_rows
from bayeslaw.errors import InputError
from bayeslaw.inference import draw_prior
from bayeslaw.model import ModelSpec, PaddedArrays, noise_of_rows, read_spec
from bayeslaw.numbers import in_float64

FAMILIES = ("germanic", "romance", "slavic", "indic", "sino_tibetan")
SIZES = (1e7, 3e7, 1e8, 3e8)
TOKENS = (1e9, 3e9, 1e10)
# Standard error of a simulated loss relative to the loss, and known to the model.
RELATIVE_SE = 0.002


@in_float64
def simulate(
    spec: ModelSpec | str | Path,
    *,
    seed: int = 0,
    families: Sequence[str] = FAMILIES,
    sizes: Sequence[float] = SIZES,
    tokens: Sequence[float] = TOKENS,
    n_mixtures: int = 8,
    n_seeds: int = 2,
    parameters: Mapping[str, Any] | None = None,
    unit: str = "nats/token",
) -> tuple[RunTable, dict[str, Any]]:
    """Simulate a study from a model: draw a truth from the prior, then noisy losses.

    Every size is trained on every mixture with one seed, and on the first mixture with
    `n_seeds`; each run is cooled at every token count.

    Args:
      spec: model spec, its file, or the name of a shipped model; its law and noise
        make the data.
      seed: seed of the truth, the mixtures and the noise.
      families: names of the families.
      sizes: non-embedding parameters N.
      tokens: training tokens D.
      n_mixtures: mixtures, the first uniform, the others Dirichlet(1) with shares
        below 0.01 raised to it.
      n_seeds: seeds of the first mixture at each size.
      parameters: quantities of the truth to fix by name (coordinates such as
        log_gamma, noise such as sigma, run_sd, nu); the rest comes from the prior.
      unit: unit written into the table.

    Returns:
      the table, origin "simulated", and the truth: coordinates, the paper's
      parameters, noise, families and reference point.

    Raises:
      InputError: `parameters` names no coordinate and no noise of the model.

    Example:
      >>> table, truth = simulate("he2024_partial_pooling")
      >>> set(table.columns["origin"])
      {'simulated'}
    """
    spec = read_spec(spec)
    law = spec.law_record
    rng = np.random.default_rng(seed)
    mixtures = _mixtures(rng, len(families), n_mixtures)
    runs = [
        (size, mixture, repeat)
        for size in sizes
        for mixture in range(n_mixtures)
        for repeat in range(n_seeds if mixture == 0 else 1)
    ]
    # Axes (run, checkpoint, family).
    inputs = {
        "N": np.array([run[0] for run in runs])[:, None, None],
        "D": np.array(tokens)[None, :, None],
        "p": mixtures[[run[1] for run in runs]][:, None, :],
    }
    # As a fit of the table will have it.
    reference = {
        name: float(np.exp(np.log(np.unique(values)).mean()))
        for name, values in (("N", sizes), ("D", tokens), ("p", mixtures))
    }
    truth = _truth(spec, seed, len(families), dict(parameters or {}))
    log_mean = _log_mean(spec, truth, inputs, reference)
    own = {name: truth[name] for name in law.coordinates}
    truth |= jax.device_get(law.all_natural(own, reference))
    log_ratio = np.log(inputs["p"] / reference["p"])
    # Noise of few degrees of freedom may overflow; the table then says so.
    with np.errstate(over="ignore"):
        values = np.exp(log_mean + _noise(rng, spec, truth, log_ratio, log_mean.shape))
    about = {"metric": law.outcome, "unit": unit}
    rows = _rows(runs, tokens, families, mixtures, values, about)
    record = {"families": list(families), "reference": reference, "seed": seed}
    record |= {name: np.asarray(value).tolist() for name, value in truth.items()}
    return table_from_rows(rows, source=f"simulated, seed {seed}"), record


def _log_mean(
    spec: ModelSpec,
    truth: Mapping[str, np.ndarray],
    inputs: Mapping[str, np.ndarray],
    reference: Mapping[str, float],
) -> Float[np.ndarray, "run checkpoint family"]:
    """Expected log loss; tokens seen once, runs cooled."""
    law = spec.law_record
    shape = np.broadcast_shapes(*(array.shape for array in inputs.values()))
    flat = {
        name: np.broadcast_to(array, shape).reshape(-1, shape[-1]).T
        for name, array in inputs.items()
    }
    centred = {
        name: jnp.log(flat[name] / reference[name])
        for name in law.all_inputs
        if name in reference
    }
    zeros = jnp.zeros(flat["N"].shape)
    centred |= {"epochs": zeros, "trunk": zeros, "mixture": jnp.asarray(flat["p"])}
    centred |= {"own": jnp.eye(shape[-1], dtype=bool), "log_p0": np.log(reference["p"])}
    needed = {
        name: centred[name] for name in {*law.inputs, *law.all_inputs} & {*centred}
    }
    coordinates = {name: jnp.asarray(truth[name]) for name in law.coordinates}
    return np.asarray(law.log_outcome(needed, coordinates)).T.reshape(shape)


def _rows(
    runs: Sequence[tuple[float, int, int]],
    tokens: Sequence[float],
    families: Sequence[str],
    mixtures: np.ndarray,
    values: np.ndarray,
    about: dict[str, Any],
) -> list[dict[str, Any]]:
    constant = {
        "study": "simulated",
        "origin": "simulated",
        "schedule": "cooled",
    }
    return [
        about
        | constant
        | {
            "run": f"N{size:g}-m{mixture}-s{repeat}",
            "seed": repeat,
            "N": size,
            "D": tokens[c],
            "family": family,
            "p": mixtures[mixture, f],
            "value": values[r, c, f],
            "se": RELATIVE_SE * values[r, c, f],
            "mixture": dict(zip(families, mixtures[mixture].tolist(), strict=True)),
        }
        for r, (size, mixture, repeat) in enumerate(runs)
        for c in range(len(tokens))
        for f, family in enumerate(families)
    ]


def _mixtures(rng: np.random.Generator, n_families: int, count: int) -> np.ndarray:
    mixtures = rng.dirichlet(np.ones(n_families), count).clip(0.01)
    mixtures[0] = 1.0
    return mixtures / mixtures.sum(-1, keepdims=True)


def _truth(
    spec: ModelSpec, seed: int, n_families: int, fixed: dict[str, Any]
) -> dict[str, np.ndarray]:
    """One prior draw of coordinates and noise, some of it replaced."""
    empty = jnp.zeros((n_families, 1))
    inputs = dict.fromkeys(spec.law_record.all_inputs, empty)
    nothing = PaddedArrays(
        inputs=inputs | {"own": jnp.eye(n_families, dtype=bool)},
        log_value=empty,
        log_se=empty,
        log_ratio=empty,
        observed=empty > 0,
        run=jnp.zeros(1, int),
        run_exists=jnp.ones(1, bool),
    )
    draws = jax.device_get(draw_prior(spec, nothing, jax.random.key(seed), 1))
    truth = {
        name: np.asarray(values[0])
        for name, values in (draws.sites | draws.deterministic).items()
        if not name.endswith("_sampled") and name != "run_effect"
    }
    # A hyperparameter fixed here would come too late to move the coordinates.
    known = {*spec.law_record.coordinates, "sigma", "run_sd", "nu"} & set(truth)
    if unknown := set(fixed) - known:
        raise InputError(
            "this quantity cannot be fixed",
            "argument parameters",
            ", ".join(sorted(unknown)),
            ", ".join(sorted(known)),
            "fix only coordinates and noise of this model",
        )
    for name, value in fixed.items():
        truth[name] = np.broadcast_to(np.asarray(value, float), truth[name].shape)
    return truth


def _noise(
    rng: np.random.Generator,
    spec: ModelSpec,
    truth: Mapping[str, Any],
    log_ratio: Float[np.ndarray, "run one family"],
    shape: tuple[int, int, int],
) -> np.ndarray:
    """Noise of log loss, (run, checkpoint, family), the run effect included."""
    one_draw = {
        name: np.reshape(truth[name], 1)
        for name in ("nu", "sigma_ratio_power")
        if name in truth
    }
    distribution = noise_of_rows(
        spec.noise.likelihood,
        one_draw,
        np.zeros((1, *shape)),
        np.asarray(truth["sigma"]),
        log_se=RELATIVE_SE,
        log_ratio=log_ratio,
    )
    noise = distribution.rvs(size=(1, *shape), random_state=rng)[0]
    if spec.noise.run_effect:
        noise = noise + rng.normal(0.0, truth["run_sd"], (shape[0], 1, 1))
    return noise
