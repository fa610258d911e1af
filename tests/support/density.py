"""The program of a spec at random positions, for tests of densities."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from helpers import changed_spec, rows_of, small_study
from numpyro import handlers
from numpyro.infer.util import constrain_fn, potential_energy

from bayeslaw.data.losses import table_from_rows
from bayeslaw.inference.compiled import QUICK_COMPILE
from bayeslaw.model.family_model import program
from bayeslaw.model.hierarchy import Centring, coordinate_shapes
from bayeslaw.model.spec import read_spec


@cache
def marked_study():
    """Part of the small study, with trunk rows and counts of distinct tokens."""
    rows = [row for row in rows_of(small_study()[0]) if row["N"] < 2e8]
    for row in rows:
        row["unique_tokens"] = {"germanic": 1e8, "romance": 2e9}.get(row["family"])
        row["schedule"] = "trunk" if row["D"] < 2e9 else "cooled"
    return table_from_rows(rows[:-1])


def default(**changes):
    sections = {"rows": {"schedule": "any"}} | changes
    return read_spec("models/default.toml").model_copy(
        update={k: getattr(changed_spec(**{k: v}), k) for k, v in sections.items()}
    )


def random_centring(spec, data, seed):
    """A centring that no law declares and no data would give."""
    rng = np.random.default_rng(seed)
    shapes = coordinate_shapes(spec, data)
    return Centring(
        {name: jnp.asarray(rng.normal(0, 2, s)) for name, s in shapes.items()},
        {name: jnp.asarray(rng.gamma(0.5, 40, s)) for name, s in shapes.items()},
    )


def sites_of(spec, data, centring):
    """Sites by name, with their shapes."""
    seeded = jax.eval_shape(
        lambda key: {
            name: site["value"]
            for name, site in _trace(spec, data, centring, key).items()
            if site["type"] == "sample" and name != "log_value"
        },
        jax.random.key(0),
    )
    return {name: site.shape for name, site in seeded.items()}


def _trace(spec, data, centring, key):
    return handlers.trace(handlers.seed(program, key)).get_trace(spec, data, centring)


def random_position(spec, data, centring, seed=0):
    """Some unconstrained value of every site, in the range of standard Normals."""
    rng = np.random.default_rng(seed)
    position = {}
    for name, shape in sites_of(spec, data, centring).items():
        values = 0.7 * rng.normal(size=shape)
        if name == "scales_sampled":
            values -= 2.5
        if name == "data_fixed_sampled":
            values -= 2.0
        position[name] = jnp.asarray(values)
    return position


def values_of(spec, data, centring, position):
    """Everything the posterior would hold at a position."""
    return constrain_fn(
        program, (spec, data, centring), {}, position, return_deterministic=True
    )


def compiled(function):
    """For what runs once: most of the time of these tests would be compilation."""
    return jax.jit(function, compiler_options=QUICK_COMPILE)


def quantities(spec, values):
    """Means, coordinates, run effects and logs of scales, as one vector."""
    found = []
    for name in spec.law_record.coordinates:
        pooling = spec.pooling_of(name)
        if pooling != "none":
            found.append(values[f"{name}_mean"])
        if pooling == "partial":
            found.append(jnp.log(values[f"{name}_sd"]))
        if pooling != "complete":
            found.append(values[name])
    found.append(jnp.log(values["sigma"]))
    found += [jnp.log(values[name]) for name in ("run_sd", "nu") if name in values]
    found += [
        values[name] for name in ("run_effect", "sigma_ratio_power") if name in values
    ]
    return jnp.concatenate([jnp.ravel(part) for part in found])


def potential(spec, data, centring, position):
    """Minus the log density that NUTS sees."""
    return potential_energy(program, (spec, data, centring), {}, position)
