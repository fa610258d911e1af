"""Held-out loss of a proxy, family by family, in bits per byte."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Integer

from bayeslaw.corpora import Corpus
from bayeslaw.proxy.study import Training
from bayeslaw.proxy.training.batches import count_windows
from bayeslaw.proxy.training.mesh import Layout
from bayeslaw.proxy.training.transformer import Params

# Windows evaluated at a time; bounds the memory, changes no number of a window.
EVAL_BATCH = 16


@dataclass(frozen=True)
class Score:
    """Held-out loss of one family."""

    value: float  # bits per byte
    se: float  # standard error of the value over held-out documents


def token_nats(
    apply: Callable[[Params, Array], Array],
    params: Params,
    stream: Integer[Array, " token"],
    start_B: Int[Array, " B"],
    context: int,
) -> tuple[Float[Array, "B L"], Int[Array, "B L"]]:
    """Loss in nats of each token of some windows, and the tokens predicted."""
    window_BxL1 = stream[start_B[:, None] + jnp.arange(context + 1)[None]].astype(
        jnp.int32
    )
    target_BxL = window_BxL1[:, 1:]
    logits_BxLxV = apply(params, window_BxL1[:, :-1])
    nats = optax.softmax_cross_entropy_with_integer_labels(logits_BxLxV, target_BxL)
    return nats, target_BxL


def held_out_starts(corpus: Corpus, context: int, eval_tokens: int) -> list[np.ndarray]:
    """First tokens of the evaluated windows, family by family, evenly spread."""
    tokens = corpus.held_out
    available = count_windows(tokens.length, context)
    used = np.minimum(available, eval_tokens // context)
    return [
        start + context * (np.arange(n) * total // n)
        for start, total, n in zip(tokens.start, available, used, strict=True)
    ]


def make_evaluate(
    apply: Callable[[Params, Array], Array],
    corpus: Corpus,
    training: Training,
    layout: Layout,
) -> Callable[[Params], dict[str, Score]]:
    """The function params -> held-out score of each family."""
    starts = held_out_starts(corpus, training.context, training.eval_tokens)
    flat = np.concatenate(starts)
    width = math.lcm(EVAL_BATCH, len(layout.devices))
    padded = np.resize(flat, math.ceil(len(flat) / width) * width).astype(np.int32)
    batches = layout.put(padded.reshape(-1, width), layout.along(1))
    stream = layout.put(corpus.held_out.stream, layout.replicated)

    @functools.partial(jax.jit, out_shardings=layout.replicated)
    def all_nats(params: Params, stream: Array, batches: Array) -> Array:
        def one(start_B: Array) -> Array:
            return token_nats(apply, params, stream, start_B, training.context)[0]

        return jax.lax.map(one, batches).reshape(-1, training.context)

    def evaluate(params: Params) -> dict[str, Score]:
        nats = np.asarray(all_nats(params, stream, batches))[: len(flat)]
        parts = np.split(nats, np.cumsum([len(start) for start in starts])[:-1])
        return {
            family: _score(corpus, start, part)
            for family, start, part in zip(corpus.families, starts, parts, strict=True)
        }

    return evaluate


def _score(corpus: Corpus, start: np.ndarray, nats: np.ndarray) -> Score:
    """Bits per byte with the se of a ratio of sums over documents.

    Windows of one document are alike, so documents, not windows, are the sampling
    units. Separators are neither counted as bytes nor scored: they are no text.
    """
    position = start[:, None] + 1 + np.arange(nats.shape[1])
    size = corpus.bytes_per_token[corpus.held_out.stream[position]].ravel()
    document = corpus.held_out.document[position].ravel()
    document -= document.min()
    bits = nats.ravel().astype(np.float64) / math.log(2) * (size > 0)
    bits_d, bytes_d = np.bincount(document, bits), np.bincount(document, size)
    value = bits_d.sum() / bytes_d.sum()
    n = np.count_nonzero(bytes_d)
    spread = ((bits_d - value * bytes_d) ** 2).sum() * n / max(n - 1, 1)
    return Score(float(value), float(math.sqrt(spread) / bytes_d.sum()))
