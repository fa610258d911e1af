"""The proxy: a decoder-only Transformer with RoPE, RMSNorm and SwiGLU.

Defined as `flax.nnx` modules, split once; training sees a plain tree of arrays. Axis
letters are defined in `proxy.config`.

Width scaling (muP for Adam; Yang et al. 2022, 2203.03466, table 3): hidden matrices
start with variance 1 / fan-in and learn at rate * base_width / width; embeddings and
gains keep rate and scale; the unembedding starts at zero and learns at the hidden rate.
Attention logits are divided by sqrt(K), the same at every width because K is fixed.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from bayeslaw.proxy.config import Proxy

Params = dict[str, Any]

# Learning-rate rule by name of the parameter; every other parameter is a matrix.
CONSTANT_RATE = ("embedding", "gain")


class RMSNorm(nnx.Module):
    """x / sqrt(mean(x^2)) * gain, over the last axis, in float32."""

    def __init__(self, width: int):
        self.gain = nnx.Param(jnp.ones(width))

    def __call__(self, x: Float[Array, "... D"]) -> Float[Array, "... D"]:
        """Normalised x, in the type of x."""
        x_f32 = x.astype(jnp.float32)
        scale = jax.lax.rsqrt(jnp.mean(x_f32**2, axis=-1, keepdims=True) + 1e-6)
        gain = jnp.broadcast_to(self.gain[...], x.shape)
        return (x_f32 * scale * gain).astype(x.dtype)


def rope(x_BxLxHxK: Float[Array, "B L H K"]) -> Float[Array, "B L H K"]:
    """Rotates pairs of channels by an angle that grows with the position.

    Source: Su et al. 2021, 2104.09864, base 10000.
    """
    L, K = x_BxLxHxK.shape[1], x_BxLxHxK.shape[3]
    frequency = 10000.0 ** (-jnp.arange(K // 2) / (K // 2))
    angle_1xLx1xK = jnp.outer(jnp.arange(L), frequency)[None, :, None, :]
    cos, sin = (f(angle_1xLx1xK).astype(x_BxLxHxK.dtype) for f in (jnp.cos, jnp.sin))
    a, b = jnp.split(x_BxLxHxK, 2, axis=-1)
    return jnp.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)


class Attention(nnx.Module):
    """Causal self-attention with H heads of width K."""

    def __init__(self, proxy: Proxy, *, rngs: nnx.Rngs):
        D, H, K = proxy.width, proxy.heads, proxy.head_width
        self.qkv = nnx.Param(_matrix(rngs, D, (D, 3 * H * K)))
        self.out = nnx.Param(_matrix(rngs, D, (H * K, D)))
        self.shape = (3, H, K)

    def __call__(self, x_BxLxD: Float[Array, "B L D"]) -> Float[Array, "B L D"]:
        """What each position reads from the positions up to itself."""
        B, L, _ = x_BxLxD.shape
        dtype = x_BxLxD.dtype
        qkv = (x_BxLxD @ self.qkv[...].astype(dtype)).reshape(B, L, *self.shape)
        q_BxLxHxK, k_BxLxHxK = rope(qkv[:, :, 0]), rope(qkv[:, :, 1])
        logits_BxHxLxL = jnp.einsum("blhk,bmhk->bhlm", q_BxLxHxK, k_BxLxHxK)
        logits_BxHxLxL = logits_BxHxLxL.astype(jnp.float32) * self.shape[2] ** -0.5
        causal = jnp.tril(jnp.ones((L, L), bool))[None, None]
        weights = jax.nn.softmax(jnp.where(causal, logits_BxHxLxL, -1e9)).astype(dtype)
        read_BxLxHxK = jnp.einsum("bhlm,bmhk->blhk", weights, qkv[:, :, 2])
        return read_BxLxHxK.reshape(B, L, -1) @ self.out[...].astype(dtype)


class FeedForward(nnx.Module):
    """SwiGLU: (silu(x W_gate) * x W_up) W_down.

    Source: Shazeer 2020, 2002.05202.
    """

    def __init__(self, proxy: Proxy, *, rngs: nnx.Rngs):
        D, F = proxy.width, proxy.hidden
        self.gate_up = nnx.Param(_matrix(rngs, D, (D, 2 * F)))
        self.down = nnx.Param(_matrix(rngs, F, (F, D)))

    def __call__(self, x_BxLxD: Float[Array, "B L D"]) -> Float[Array, "B L D"]:
        """The feed-forward update of each position."""
        dtype = x_BxLxD.dtype
        gate, up = jnp.split(x_BxLxD @ self.gate_up[...].astype(dtype), 2, axis=-1)
        return (jax.nn.silu(gate) * up) @ self.down[...].astype(dtype)


class Block(nnx.Module):
    """One layer: attention and feed-forward, each behind a norm, each added."""

    def __init__(self, proxy: Proxy, *, rngs: nnx.Rngs):
        self.attention_norm = RMSNorm(proxy.width)
        self.attention = Attention(proxy, rngs=rngs)
        self.feed_forward_norm = RMSNorm(proxy.width)
        self.feed_forward = FeedForward(proxy, rngs=rngs)

    def __call__(self, x_BxLxD: Float[Array, "B L D"]) -> Float[Array, "B L D"]:
        """The residual stream after this layer."""
        x_BxLxD = x_BxLxD + self.attention(self.attention_norm(x_BxLxD))
        return x_BxLxD + self.feed_forward(self.feed_forward_norm(x_BxLxD))


class Transformer(nnx.Module):
    """Token numbers to next-token logits.

    Args:
      proxy: the shape.
      vocabulary: number of tokens V.
      rngs: source of the initial weights.
      dtype: type of the matrix products; weights stay float32.
    """

    def __init__(
        self, proxy: Proxy, vocabulary: int, *, rngs: nnx.Rngs, dtype: Any = jnp.float32
    ):
        V, D = vocabulary, proxy.width
        self.embedding = nnx.Param(0.1 * jax.random.normal(rngs.params(), (V, D)))
        self.blocks = nnx.List([Block(proxy, rngs=rngs) for _ in range(proxy.depth)])
        self.norm = RMSNorm(D)
        self.unembedding = nnx.Param(jnp.zeros((D, V)))
        self.dtype = dtype

    def __call__(self, tokens_BxL: Int[Array, "B L"]) -> Float[Array, "B L V"]:
        """Logits of the token after each position, float32."""
        x_BxLxD = self.embedding[...][tokens_BxL].astype(self.dtype)
        for block in self.blocks:
            x_BxLxD = block(x_BxLxD)
        x_BxLxD = self.norm(x_BxLxD)
        return (x_BxLxD @ self.unembedding[...].astype(self.dtype)).astype(jnp.float32)


def init_transformer(
    proxy: Proxy, vocabulary: int, key: Array, *, dtype: Any = jnp.float32
) -> tuple[Params, Callable[[Params, Array], Array]]:
    """Initial parameters and the function (params, tokens_BxL) -> logits_BxLxV."""
    model = Transformer(proxy, vocabulary, rngs=nnx.Rngs(params=key), dtype=dtype)
    graph, state = nnx.split(model)

    def apply(params: Params, tokens_BxL: Array) -> Array:
        return nnx.merge(graph, params)(tokens_BxL)

    return nnx.to_pure_dict(state), apply


def count_parameters(params: Params) -> dict[str, int]:
    """Parameter counts: total, embedding (both ends) and non_embedding (N)."""
    total = sum(leaf.size for leaf in jax.tree.leaves(params))
    embedding = params["embedding"].size + params["unembedding"].size
    return {
        "total": total,
        "embedding": embedding,
        "non_embedding": total - embedding,
    }


def flops_per_token(params: Params, proxy: Proxy, context: int) -> int:
    """Training FLOP per token, forward and backward.

    6 (N + V D) for the matrices (the embedding look-up is free) and 12 layers width
    context for the attention products, computed for all pairs of positions.
    """
    matrices = count_parameters(params)["non_embedding"] + params["unembedding"].size
    return 6 * matrices + 12 * proxy.depth * proxy.width * context


def rate_multipliers(params: Params, proxy: Proxy, base_width: int) -> Params:
    """Factor on the learning rate of each parameter (muP, see the module's text)."""

    def multiplier(path: tuple, _: Array) -> float:
        name = path[-1].key
        return 1.0 if name in CONSTANT_RATE else base_width / proxy.width

    return jax.tree_util.tree_map_with_path(multiplier, params)


def _matrix(rngs: nnx.Rngs, fan_in: int, shape: tuple[int, ...]) -> Array:
    return jax.random.normal(rngs.params(), shape) * fan_in**-0.5
