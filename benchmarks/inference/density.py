"""bayeslaw's log density at common points, for the comparison with the peers'.

The density is that of the shared quantities themselves (coordinates, means, sds, noise
and run effects), whatever the chains of bayeslaw move: the Jacobian of the map is
taken from automatic differentiation.
"""

import argparse
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from numpyro import handlers
from numpyro.infer.util import constrain_fn, potential_energy, unconstrain_fn

from bayeslaw import read_runs, read_spec
from bayeslaw.model.family_model import program
from bayeslaw.model.hierarchy import initial_centring
from bayeslaw.model.padded_arrays import PaddedArrays, arrange, select_rows
from bayeslaw.model.spec import ModelSpec
from benchmarks.inference.data import MODEL
from benchmarks.inference.engines.protocol import NAMES


def point_and_density(
    spec: ModelSpec, data: PaddedArrays, n_runs: int, key: jax.Array
) -> tuple[dict[str, jax.Array], jax.Array]:
    """The shared quantities of one prior draw, and their log density given the data."""
    arguments = (spec, data, initial_centring(spec, data))
    trace = handlers.trace(handlers.seed(program, key)).get_trace(*arguments)
    sites = {
        name: site["value"]
        for name, site in trace.items()
        if site["type"] == "sample" and not site["is_observed"]
    }
    position, unravel = ravel_pytree(unconstrain_fn(program, arguments, {}, sites))

    def named(position: jax.Array) -> dict[str, jax.Array]:
        values = constrain_fn(
            program, arguments, {}, unravel(position), return_deterministic=True
        )
        return {name: values[name] for name in NAMES}

    jacobian = jax.jacfwd(lambda position: ravel_pytree(named(position))[0])(position)
    log_density = -potential_energy(program, arguments, {}, unravel(position))
    log_density -= jnp.linalg.slogdet(jacobian)[1]
    point = named(position)
    # Effects of runs that only pad the arrays are drawn, too.
    padding = point["run_effect"][n_runs:]
    log_density -= jax.scipy.stats.norm.logpdf(padding, 0.0, point["run_sd"]).sum()
    return point | {"run_effect": point["run_effect"][:n_runs]}, log_density


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="with table.csv and arrays.npz")
    parser.add_argument("output", type=Path, help="npz: points and log_density")
    parser.add_argument("--points", type=int, default=10)
    given = parser.parse_args()
    spec, table = read_spec(MODEL), read_runs(given.folder / "table.csv")
    with np.load(given.folder / "arrays.npz") as arrays:
        same = [list(arrays[name]) for name in ("families", "runs")]
    with jax.enable_x64(True):
        data, layout = arrange(select_rows(table, spec), spec)
        if [list(layout.groups), list(layout.runs)] != same:
            raise ValueError("families or runs stand in another order than the peers'")
        keys = jax.random.split(jax.random.key(0), given.points)
        one = partial(point_and_density, spec, data, len(layout.runs))
        points, log_density = jax.vmap(one)(keys)
    np.savez(given.output, **points, log_density=log_density)


if __name__ == "__main__":
    main()
