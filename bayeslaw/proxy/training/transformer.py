"""The proxy: a decoder-only Transformer with RoPE, RMSNorm and SwiGLU.

Defined as `flax.nnx` modules, split once; training sees a plain tree of arrays. Axis
letters are defined in `proxy.config`.

Hidden matrices start with variance 1 / fan-in, the unembedding at zero; attention
logits are divided by sqrt(K), the same at every width because K is fixed. `scaling` has
the rest of the rules that make one learning rate fit all widths.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from bayeslaw.proxy.study import Proxy

Params = dict[str, Any]
Cache = dict[str, Array]  # "k" and "v" of one layer. Shape (B, L, H, K)


@jax.custom_vjp
def linear(x: Float[Array, "... I"], w: Float[Array, "I O"]) -> Float[Array, "... O"]:
    """The product x w, with a gradient laid out for the CPU.

    Left alone, XLA transposes the whole incoming gradient for that of `w` and takes a
    slow routine for the product: a step at width 128 took 1.2 times as long.
    """
    return x @ w


def _linear_forward(x: Array, w: Array) -> tuple[Array, tuple[Array, Array]]:
    return x @ w, (x, w)


def _linear_backward(kept: tuple[Array, Array], g: Array) -> tuple[Array, Array]:
    x, w = kept
    x_NxI, g_NxO = x.reshape(-1, x.shape[-1]), g.reshape(-1, g.shape[-1])
    return g @ w.T, x_NxI.T @ g_NxO


linear.defvjp(_linear_forward, _linear_backward)


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


def rope(
    x_BxLxHxK: Float[Array, "B L H K"], start: Int[Array, ""] | int = 0
) -> Float[Array, "B L H K"]:
    """Rotates pairs of channels by an angle that grows with the position.

    Source: Su et al. 2021, 2104.09864, base 10000.

    Args:
      x_BxLxHxK: queries or keys.
      start: position of the first of the L tokens.
    """
    L, K = x_BxLxHxK.shape[1], x_BxLxHxK.shape[3]
    frequency = 10000.0 ** (-jnp.arange(K // 2) / (K // 2))
    angle_1xLx1xK = jnp.outer(start + jnp.arange(L), frequency)[None, :, None, :]
    cos, sin = (f(angle_1xLx1xK).astype(x_BxLxHxK.dtype) for f in (jnp.cos, jnp.sin))
    a, b = jnp.split(x_BxLxHxK, 2, axis=-1)
    return jnp.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)


class Attention(nnx.Module):
    """Causal self-attention with H heads of width K."""

    def __init__(self, proxy: Proxy, *, rngs: nnx.Rngs):
        D, H, K = proxy.width, proxy.heads, proxy.head_width
        self.qkv = nnx.Param(_matrix(rngs, D, (D, 3 * H * K)))
        self.out = nnx.Param(_matrix(rngs, D, (H * K, D)))
        self.shape = (H, K)

    def __call__(self, x_BxLxD: Float[Array, "B L D"]) -> Float[Array, "B L D"]:
        """What each position reads from the positions up to itself."""
        L = x_BxLxD.shape[1]
        q_BxLxHxK, k_BxLxHxK, v_BxLxHxK = self._heads(x_BxLxD)
        causal = jnp.tril(jnp.ones((L, L), bool))
        return self._read(rope(q_BxLxHxK), rope(k_BxLxHxK), v_BxLxHxK, causal)

    def step(
        self, x_Bx1xD: Float[Array, "B 1 D"], cache: Cache, at: Int[Array, ""]
    ) -> tuple[Float[Array, "B 1 D"], Cache]:
        """The same for position `at` alone; keys and values before it are cached."""
        q_Bx1xHxK, k_Bx1xHxK, v_Bx1xHxK = self._heads(x_Bx1xD)
        new = {"k": rope(k_Bx1xHxK, at), "v": v_Bx1xHxK}
        cache = {
            name: jax.lax.dynamic_update_slice_in_dim(cache[name], new[name], at, 1)
            for name in cache
        }
        seen = (jnp.arange(cache["k"].shape[1]) <= at)[None]
        return self._read(rope(q_Bx1xHxK, at), cache["k"], cache["v"], seen), cache

    def _heads(self, x_BxLxD: Array) -> tuple[Array, Array, Array]:
        """Query, keys and values, each of shape (B, L, H, K)."""
        qkv = linear(x_BxLxD, self.qkv[...].astype(x_BxLxD.dtype))
        shape = (*x_BxLxD.shape[:2], *self.shape)
        q, k, v = (part.reshape(shape) for part in jnp.split(qkv, 3, axis=-1))
        return q, k, v

    def _read(
        self, q_BxLxHxK: Array, k_BxMxHxK: Array, v_BxMxHxK: Array, seen_LxM: Array
    ) -> Array:
        """Attention of L queries over those of M keys that they may see."""
        dtype = q_BxLxHxK.dtype
        logits_BxHxLxM = jnp.einsum("blhk,bmhk->bhlm", q_BxLxHxK, k_BxMxHxK)
        logits_BxHxLxM = logits_BxHxLxM.astype(jnp.float32) * self.shape[1] ** -0.5
        seen = seen_LxM[None, None]
        weights = jax.nn.softmax(jnp.where(seen, logits_BxHxLxM, -1e9)).astype(dtype)
        read_BxLxHxK = jnp.einsum("bhlm,bmhk->blhk", weights, v_BxMxHxK)
        read_BxLxD = read_BxLxHxK.reshape(*read_BxLxHxK.shape[:2], -1)
        return linear(read_BxLxD, self.out[...].astype(dtype))


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
        both_BxLx2F = linear(x_BxLxD, self.gate_up[...].astype(dtype))
        gate, up = jnp.split(both_BxLx2F, 2, axis=-1)
        return linear(jax.nn.silu(gate) * up, self.down[...].astype(dtype))


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

    def step(
        self, x_Bx1xD: Float[Array, "B 1 D"], cache: Cache, at: Int[Array, ""]
    ) -> tuple[Float[Array, "B 1 D"], Cache]:
        """The residual stream of one position, and the cache with it."""
        read, cache = self.attention.step(self.attention_norm(x_Bx1xD), cache, at)
        x_Bx1xD = x_Bx1xD + read
        return x_Bx1xD + self.feed_forward(self.feed_forward_norm(x_Bx1xD)), cache


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
        return self._logits(x_BxLxD)

    def step(
        self, token_B: Int[Array, " B"], caches: list[Cache], at: Int[Array, ""]
    ) -> tuple[Float[Array, "B V"], list[Cache]]:
        """Logits of the token after position `at`, and the caches of all layers."""
        x_Bx1xD = self.embedding[...][token_B[:, None]].astype(self.dtype)
        filled = []
        for block, cache in zip(self.blocks, caches, strict=True):
            x_Bx1xD, cache = block.step(x_Bx1xD, cache, at)
            filled.append(cache)
        return self._logits(x_Bx1xD)[:, 0], filled

    def _logits(self, x_BxLxD: Array) -> Array:
        unembedding = self.unembedding[...].astype(self.dtype)
        return linear(self.norm(x_BxLxD), unembedding).astype(jnp.float32)


def init_transformer(
    proxy: Proxy, vocabulary: int, key: Array, *, dtype: Any = jnp.float32
) -> tuple[Params, Callable[[Params, Array], Array]]:
    """Initial parameters and the function (params, tokens_BxL) -> logits_BxLxV."""
    model = Transformer(proxy, vocabulary, rngs=nnx.Rngs(params=key), dtype=dtype)
    graph, state = nnx.split(model)

    def apply(params: Params, tokens_BxL: Array) -> Array:
        return nnx.merge(graph, params)(tokens_BxL)

    return nnx.to_pure_dict(state), apply


def make_step(
    proxy: Proxy, vocabulary: int, *, dtype: Any = jnp.float32
) -> Callable[[Params, Array, list[Cache], Array], tuple[Array, list[Cache]]]:
    """The function (params, token_B, caches, at) -> logits_BxV, caches."""
    rngs = nnx.Rngs(params=0)
    graph = nnx.graphdef(Transformer(proxy, vocabulary, rngs=rngs, dtype=dtype))

    def step(
        params: Params, token_B: Array, caches: list[Cache], at: Array
    ) -> tuple[Array, list[Cache]]:
        return nnx.merge(graph, params).step(token_B, caches, at)

    return step


def empty_caches(
    proxy: Proxy, batch: int, length: int, *, dtype: Any = jnp.float32
) -> list[Cache]:
    """Caches of all layers with room for `length` positions, nothing in them."""
    zeros = jnp.zeros((batch, length, proxy.heads, proxy.head_width), dtype)
    return [{"k": zeros, "v": zeros} for _ in range(proxy.depth)]


def _matrix(rngs: nnx.Rngs, fan_in: int, shape: tuple[int, ...]) -> Array:
    return jax.random.normal(rngs.params(), shape) * fan_in**-0.5
