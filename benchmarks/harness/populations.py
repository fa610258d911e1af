"""Many proxies in one program: does it train more tokens a second than one by one?

Every proxy has its own weights, seed and data; the step of one is mapped over all. On a
CPU the program has one core and one thread, as the harness gives it.
"""

import argparse
import functools
import json
import os
import statistics
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
)

import jax
import jax.numpy as jnp
import numpy as np

from bayeslaw.proxy.study.config import Proxy, Training
from bayeslaw.proxy.training.scaling import count_parameters
from bayeslaw.proxy.training.training_program import (
    dtype_of,
    make_gradient,
    make_optimizer,
    make_steps,
)
from bayeslaw.proxy.training.transformer import init_transformer

RESULTS = Path(__file__).parent.parent / "results"
VOCABULARY, STEPS, RATE = 4096, 16, 1e-3


def make_population(proxy: Proxy, training: Training, size: int):
    """Initial states, and the function that trains them all for some steps."""
    init = functools.partial(init_transformer, proxy, VOCABULARY)
    like, apply = init(jax.random.key(0), dtype=dtype_of(training))
    optimizer = make_optimizer(like, proxy, training)
    steps = make_steps(optimizer, make_gradient(apply, training))
    rates = jnp.full(STEPS, RATE)

    def begin(key):
        params, _ = init(key)
        return {"params": params, "optimizer": optimizer.init(params)}

    def train(stream, state, starts):
        state, measured = steps(state, stream, starts, rates)
        return state, measured["loss"]

    keys = jax.random.split(jax.random.key(1), size)
    if size == 1:  # the program of the harness, without an axis of proxies
        return begin(keys[0]), jax.jit(train, donate_argnums=1), like
    mapped = jax.vmap(train, in_axes=(None, 0, 0))
    return jax.vmap(begin)(keys), jax.jit(mapped, donate_argnums=1), like


def tokens_per_second(proxy: Proxy, training: Training, size: int, repeats: int):
    """Median speed of a population, all proxies together, and its proxies' size."""
    state, train, like = make_population(proxy, training, size)
    rng = np.random.default_rng(0)
    stream = jnp.asarray(rng.integers(0, VOCABULARY, 1_000_000).astype(np.uint16))
    shape = (size, STEPS, training.batch_size)
    seconds = []
    for _ in range(repeats + 1):
        starts = rng.integers(0, len(stream) - training.context - 1, shape)
        starts = jnp.asarray(starts[0] if size == 1 else starts, jnp.int32)
        began = time.perf_counter()
        state, loss = train(stream, state, starts)
        jax.block_until_ready(loss)
        seconds.append(time.perf_counter() - began)
    trained = size * STEPS * training.tokens_per_step
    return trained / statistics.median(seconds[1:]), count_parameters(like)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--depths", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    device = jax.devices()[0]
    rows = []
    for depth in given.depths:
        proxy, alone = Proxy(depth=depth), None
        training = Training(context=128, batch_size=given.batch)
        for size in given.sizes:
            speed, counts = tokens_per_second(proxy, training, size, given.repeats)
            alone = alone or speed
            row = {
                "parameters": counts["total"],
                "proxies": size,
                "tokens_per_second": round(speed),
                "to_one_by_one": round(speed / alone, 3),
            }
            rows.append(row)
            print(row, flush=True)
    results = {"device": device.device_kind, "jax": jax.__version__, "rows": rows}
    path = RESULTS / f"populations-{device.platform}.json"
    path.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
