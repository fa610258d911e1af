"""Fine-tuning on sentence pairs, and the cross-entropy of targets after it."""

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int

from bayeslaw.proxy.study import Proxy, Training, Translation
from bayeslaw.proxy.training import (
    Params,
    TrainingDiverged,
    init_transformer,
    make_optimizer,
    shuffle,
)
from bayeslaw.proxy.translation.examples import Examples

EVAL_BATCH = 32

# (params, examples, settings, entropy) -> fine-tuned params
Finetune = Callable[[Params, Examples, Translation, int], Params]


def target_nats(
    apply: Callable[[Params, Array], Array],
    params: Params,
    tokens_BxL1: Array,
    prompt_B: Array,
    length_B: Array,
) -> tuple[Float[Array, " B"], Int[Array, " B"]]:
    """Loss in nats over each row's target and end, and how many tokens these are."""
    nats_BxL = optax.softmax_cross_entropy_with_integer_labels(
        apply(params, tokens_BxL1[:, :-1]), tokens_BxL1[:, 1:]
    )
    place_1xL = 1 + jnp.arange(nats_BxL.shape[1])[None]
    counts_BxL = (place_1xL >= prompt_B[:, None]) & (place_1xL < length_B[:, None])
    return (nats_BxL * counts_BxL).sum(1), counts_BxL.sum(1)


def n_steps(translation: Translation, n_pairs: int) -> int:
    """Number of steps of a fine-tuning: whole epochs, within the given limits."""
    wanted = math.ceil(translation.epochs * n_pairs / translation.batch_size)
    return max(translation.min_steps, min(wanted, translation.max_steps))


def learning_rates(translation: Translation, steps: int) -> np.ndarray:
    """Linear warm-up and linear decay to zero. Shape (step,), float32."""
    step = np.arange(steps)
    warm = (step + 1) / max(translation.warmup_share * steps, 1)
    share = np.minimum(np.minimum(1, warm), (steps - step) / steps)
    return (translation.learning_rate * share).astype(np.float32)


def batches(n_pairs: int, batch: int, steps: int, entropy: int) -> np.ndarray:
    """Rows of each step's batch: every epoch another order. Shape (step, batch)."""
    number = np.arange(steps * batch)
    key = np.uint64(entropy) * np.uint64(2**20) + (number // n_pairs).astype(np.uint64)
    size = np.full(len(number), n_pairs)
    return shuffle(number % n_pairs, size, key).reshape(steps, batch)


def make_finetune(proxy: Proxy, training: Training, vocabulary: int) -> Finetune:
    """Make the function that fine-tunes; the weights given to it are unchanged."""
    like, apply = init_transformer(proxy, vocabulary, jax.random.key(0))
    optimizer = make_optimizer(like, proxy, training)

    def mean_nats(params: Params, *rows: Array) -> Array:
        nats, count = target_nats(apply, params, *rows)
        return nats.sum() / count.sum()

    def step(carry: tuple, inputs: tuple) -> tuple[tuple, Array]:
        params, memory, table = carry
        row_B, rate = inputs
        rows = [column[row_B] for column in table]
        loss, gradient = jax.value_and_grad(mean_nats)(params, *rows)
        update, memory = optimizer.update(gradient, memory, params)
        params = jax.tree.map(lambda w, u: w - rate * u, params, update)
        return (params, memory, table), loss

    @jax.jit
    def train(params: Params, table: list, row_SxB: Array, rate_S: Array) -> tuple:
        carry = (params, optimizer.init(params), table)
        (params, _, _), losses = jax.lax.scan(step, carry, (row_SxB, rate_S))
        return params, losses

    def finetune(
        params: Params, examples: Examples, translation: Translation, entropy: int
    ) -> Params:
        n_pairs = len(examples.tokens)
        steps = n_steps(translation, n_pairs)
        rows = batches(n_pairs, translation.batch_size, steps, entropy)
        table = [examples.tokens, examples.prompt, examples.length]
        params, losses = train(
            params, table, rows.astype(np.int32), learning_rates(translation, steps)
        )
        if not np.isfinite(np.asarray(losses)).all():
            raise TrainingDiverged(
                "the loss of a fine-tuning is not finite; lower [translation] "
                "learning_rate"
            )
        return params

    return finetune


def make_cross_entropy(
    proxy: Proxy, vocabulary: int
) -> Callable[[Params, Examples], np.ndarray]:
    """The function (params, examples) -> nats of each target. Shape (pair,)."""
    _, apply = init_transformer(proxy, vocabulary, jax.random.key(0))
    nats_of = jax.jit(functools.partial(target_nats, apply))

    def cross_entropy(params: Params, examples: Examples) -> np.ndarray:
        table = (examples.tokens, examples.prompt, examples.length)
        n = len(examples.tokens)
        order = np.resize(np.arange(n), math.ceil(n / EVAL_BATCH) * EVAL_BATCH)
        parts = [
            nats_of(params, *(column[rows] for column in table))[0]
            for rows in order.reshape(-1, EVAL_BATCH)
        ]
        return np.concatenate(parts)[:n].astype(float)

    return cross_entropy
