"""Greedy and beam search with cached keys and values, compiled once for a shape.

All rows move through the same positions: where a prompt has a token, that token is
used; after it, the search chooses. A row that has produced the end keeps producing it.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from bayeslaw.proxy.study import Proxy
from bayeslaw.proxy.training import Cache, Params, empty_caches, make_step

# B rows, W beams, L positions, V vocabulary.
Decode = Callable[[Params, Array, Array], Array]


def make_decode(
    proxy: Proxy, vocabulary: int, *, length: int, end: int, beams: int = 1
) -> Decode:
    """The function (params, prompt_BxL, length_B) -> tokens_BxL.

    The result is the prompt with its continuation, filled up with `end`. With one beam
    the search is greedy. Hypotheses are compared by their mean log-probability per
    token, the end included, once the last position is reached.

    Args:
      proxy: the shape.
      vocabulary: number of tokens.
      length: positions in all, prompt and continuation.
      end: token that ends a continuation.
      beams: hypotheses kept for each row.
    """
    step = make_step(proxy, vocabulary)

    @jax.jit
    def decode(
        params: Params, prompt_BxL: Int[Array, "B L"], length_B: Int[Array, " B"]
    ) -> Int[Array, "B L"]:
        B = prompt_BxL.shape[0]
        search = _Search(prompt_BxL, length_B, beams, end)
        state = search.begin(empty_caches(proxy, B * beams, length))

        def advance(carry: tuple) -> tuple:
            at, state = carry
            tokens_BxWxL, score_BxW, count_BxW, caches = state
            token_N = tokens_BxWxL[:, :, at].reshape(-1)
            logits_NxV, caches = step(params, token_N, caches, at)
            log_p_BxWxV = jax.nn.log_softmax(logits_NxV).reshape(B, beams, -1)
            state = (tokens_BxWxL, score_BxW, count_BxW, caches)
            return at + 1, search.extend(at, log_p_BxWxV, state)

        def goes_on(carry: tuple) -> Array:
            at, state = carry
            return (at < length - 1) & ~search.is_over(at, state[0]).all()

        return search.best(jax.lax.while_loop(goes_on, advance, (0, state))[1])

    return decode


class _Search:
    """Beam search over rows whose prompts differ in length."""

    def __init__(self, prompt_BxL: Array, length_B: Array, beams: int, end: int):
        self.prompt_BxL, self.length_B = prompt_BxL, length_B
        self.beams, self.end = beams, end

    def begin(self, caches: list[Cache]) -> tuple:
        """Tokens, summed log-probability, number of tokens chosen, and caches."""
        B, L = self.prompt_BxL.shape
        tokens_BxWxL = jnp.full((B, self.beams, L), self.end, jnp.int32)
        tokens_BxWxL = tokens_BxWxL.at[:, :, 0].set(self.prompt_BxL[:, :1])
        zero = jnp.zeros((B, self.beams))
        return tokens_BxWxL, zero, zero, caches

    def extend(
        self, at: Array, log_p_BxWxV: Float[Array, "B W V"], state: tuple
    ) -> tuple:
        """The state with the token after position `at`, given or chosen."""
        tokens_BxWxL, score_BxW, count_BxW, caches = state
        given_Bx1 = (at + 1 < self.length_B)[:, None]
        first_Bx1 = (at + 1 == self.length_B)[:, None]
        over_BxW = self.is_over(at, tokens_BxWxL)
        parent_BxW, chosen_BxW, score_new_BxW = self._choose(
            log_p_BxWxV, score_BxW, over_BxW, first_Bx1
        )
        stay_BxW = jnp.broadcast_to(jnp.arange(self.beams)[None], parent_BxW.shape)
        parent_BxW = jnp.where(given_Bx1, stay_BxW, parent_BxW)
        token_BxW = jnp.where(
            given_Bx1, self.prompt_BxL[:, at + 1][:, None], chosen_BxW
        )
        pick = functools.partial(_pick, parent_BxW=parent_BxW)
        added_BxW = jnp.where(given_Bx1 | pick(over_BxW), 0, 1)
        tokens_BxWxL = pick(tokens_BxWxL).at[:, :, at + 1].set(token_BxW)
        score_BxW = jnp.where(given_Bx1, score_BxW, score_new_BxW)
        if self.beams > 1:
            caches = jax.tree.map(lambda c: _pick_rows(c, parent_BxW), caches)
        return tokens_BxWxL, score_BxW, pick(count_BxW) + added_BxW, caches

    def is_over(self, at: Array | int, tokens_BxWxL: Array) -> Array:
        """Whether each hypothesis has chosen the end, at `at` or before."""
        return (tokens_BxWxL[:, :, at] == self.end) & (at >= self.length_B)[:, None]

    def best(self, state: tuple) -> Int[Array, "B L"]:
        """The tokens of each row's best hypothesis."""
        tokens_BxWxL, score_BxW, count_BxW, _ = state
        best_B = jnp.argmax(score_BxW / jnp.maximum(count_BxW, 1), axis=1)
        return jnp.take_along_axis(tokens_BxWxL, best_B[:, None, None], 1)[:, 0]

    def _choose(
        self, log_p_BxWxV: Array, score_BxW: Array, over_BxW: Array, first_Bx1: Array
    ) -> tuple[Array, Array, Array]:
        """Parents, tokens and scores of the best continuations of all beams."""
        V = log_p_BxWxV.shape[-1]
        # A hypothesis that is over goes on with the end, at no cost.
        frozen_V = jnp.where(jnp.arange(V) == self.end, 0.0, -jnp.inf)
        log_p_BxWxV = jnp.where(over_BxW[:, :, None], frozen_V[None, None], log_p_BxWxV)
        # All beams of a row are the same before its first choice: one may go on.
        twin_BxW = first_Bx1 & (jnp.arange(self.beams) > 0)[None]
        start_BxW = jnp.where(twin_BxW, -jnp.inf, score_BxW)
        total_BxWV = (start_BxW[:, :, None] + log_p_BxWxV).reshape(
            log_p_BxWxV.shape[0], -1
        )
        score_BxW, index_BxW = jax.lax.top_k(total_BxWV, self.beams)
        return index_BxW // V, index_BxW % V, score_BxW


def _pick(x_BxW: Array, parent_BxW: Array) -> Array:
    """Values of the parents, axis 1; further axes come along."""
    index = parent_BxW.reshape(*parent_BxW.shape, *[1] * (x_BxW.ndim - 2))
    return jnp.take_along_axis(x_BxW, index, axis=1)


def _pick_rows(cache_NxL: Array, parent_BxW: Array) -> Array:
    """Caches of the parents; rows and beams are one axis."""
    B, W = parent_BxW.shape
    rows_N = (jnp.arange(B)[:, None] * W + parent_BxW).reshape(-1)
    return cache_NxL[rows_N]
