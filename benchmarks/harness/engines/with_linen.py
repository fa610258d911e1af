"""The same shape in plain Flax linen and optax, a jitted step at a time."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.harness.engines.shape import (
    BATCH,
    BETAS,
    CLIP,
    CONTEXT,
    DECAY,
    HEADS,
    LAYERS,
    RATE,
    VOCABULARY,
    WIDTH,
    random_text,
)
from benchmarks.harness.engines.timing import print_times


class Block(nn.Module):
    @nn.compact
    def __call__(self, x, mask):
        y = nn.LayerNorm(use_bias=False)(x)
        attention = nn.MultiHeadDotProductAttention(num_heads=HEADS, use_bias=False)
        x = x + attention(y, y, mask=mask)
        y = nn.LayerNorm(use_bias=False)(x)
        y = nn.gelu(nn.Dense(4 * WIDTH, use_bias=False)(y))
        return x + nn.Dense(WIDTH, use_bias=False)(y)


class Model(nn.Module):
    @nn.compact
    def __call__(self, tokens):
        embed = nn.Embed(VOCABULARY, WIDTH)
        places = nn.Embed(CONTEXT, WIDTH)(jnp.arange(tokens.shape[1]))
        x, mask = embed(tokens) + places, nn.make_causal_mask(tokens)
        for _ in range(LAYERS):
            x = Block()(x, mask)
        return embed.attend(nn.LayerNorm(use_bias=False)(x))


model, text = Model(), random_text()
rng = np.random.default_rng(1)
params = model.init(jax.random.key(0), jnp.zeros((1, CONTEXT), jnp.int32))
optimizer = optax.chain(
    optax.clip_by_global_norm(CLIP),
    optax.adamw(RATE, *BETAS, weight_decay=DECAY),
)
memory = optimizer.init(params)


@jax.jit
def step(params, memory, windows):
    def loss_of(params):
        logits = model.apply(params, windows[:, :-1])
        targets = windows[:, 1:]
        return optax.softmax_cross_entropy_with_integer_labels(logits, targets).mean()

    loss, gradient = jax.value_and_grad(loss_of)(params)
    update, memory = optimizer.update(gradient, memory, params)
    return optax.apply_updates(params, update), memory, loss


def steps(n: int) -> None:
    global params, memory
    for _ in range(n):
        starts = rng.integers(0, len(text) - CONTEXT, BATCH)
        windows = text[starts[:, None] + np.arange(CONTEXT + 1)].astype(np.int32)
        params, memory, loss = step(params, memory, windows)
    loss.block_until_ready()


print_times(steps, parameters=sum(leaf.size for leaf in jax.tree.leaves(params)))
