"""The proxy as a function: causal, counted exactly, scaled with width as stated."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bayeslaw.proxy.study.config import Proxy
from bayeslaw.proxy.training.scaling import (
    count_parameters,
    flops_per_token,
    rate_multipliers,
)
from bayeslaw.proxy.training.transformer import init_transformer

SMALL = Proxy(depth=2, width_per_depth=8, head_width=4)


def randomised(proxy: Proxy = SMALL, vocabulary: int = 11):
    """A proxy whose unembedding is not zero, so that its outputs tell something."""
    params, apply = init_transformer(proxy, vocabulary, jax.random.key(0))
    params["unembedding"] = jax.random.normal(
        jax.random.key(1), params["unembedding"].shape
    )
    return params, apply


def test_a_later_token_changes_no_earlier_output():
    params, apply = randomised()
    tokens = jnp.arange(12)[None] % 11
    changed = tokens.at[0, 7].set(3)
    before, after = apply(params, tokens), apply(params, changed)
    np.testing.assert_array_equal(before[0, :7], after[0, :7])
    assert (before[0, 7:] != after[0, 7:]).any(axis=-1).all()


def test_outputs_depend_on_the_order_of_the_tokens():
    params, apply = randomised()
    straight = apply(params, jnp.array([[1, 2, 3, 4]]))[0, -1]
    swapped = apply(params, jnp.array([[2, 1, 3, 4]]))[0, -1]
    assert np.abs(straight - swapped).max() > 1e-3


def test_attention_sees_distances_not_places():
    """RoPE: the same tokens further on, alone in view, give the same outputs."""
    from bayeslaw.proxy.training.transformer import rope

    q, k = jax.random.normal(jax.random.key(0), (2, 1, 1, 1, 8))
    padded_q, padded_k = (jnp.tile(x, (1, 10, 1, 1)) for x in (q, k))
    logits = jnp.einsum("blhk,bmhk->blm", rope(padded_q), rope(padded_k))[0]
    np.testing.assert_allclose(logits[5, 3], logits[9, 7], rtol=1e-5)
    assert abs(logits[5, 3] - logits[5, 1]) > 1e-4


def test_sequences_of_a_batch_do_not_touch():
    params, apply = randomised()
    one, two = jnp.array([[1, 2, 3]]), jnp.array([[4, 5, 6]])
    together = apply(params, jnp.concatenate([one, two]))
    np.testing.assert_allclose(together[0], apply(params, one)[0], atol=1e-5)


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_parameters_are_counted_by_the_stated_rules(depth):
    proxy = Proxy(depth=depth)
    params, _ = init_transformer(proxy, 257, jax.random.key(0))
    counts = count_parameters(params)
    D, F = 16 * depth, proxy.hidden
    per_layer = 4 * D * D + 3 * D * F + 2 * D
    assert counts["non_embedding"] == depth * per_layer + D
    assert counts["embedding"] == 2 * 257 * D
    assert counts["total"] == counts["embedding"] + counts["non_embedding"]
    matrices = counts["non_embedding"] + 257 * D
    expected = 6 * matrices + 12 * depth * D * 128
    assert flops_per_token(params, proxy, 128) == expected


def test_the_first_loss_is_that_of_a_uniform_guess():
    params, apply = init_transformer(SMALL, 11, jax.random.key(0))
    assert not apply(params, jnp.array([[1, 2, 3]])).any()


def test_matrices_learn_slower_in_wider_proxies_and_embeddings_do_not():
    proxy = Proxy(depth=4)
    params, _ = init_transformer(proxy, 257, jax.random.key(0))
    rates = rate_multipliers(params, proxy, base_width=32)
    assert rates["embedding"] == rates["norm"]["gain"] == 1
    assert rates["blocks"][0]["attention"]["qkv"] == 0.5
    assert rates["unembedding"] == 0.5


def test_matrices_start_with_variance_one_over_fan_in():
    proxy = Proxy(depth=6)
    params, _ = init_transformer(proxy, 257, jax.random.key(0))
    block = params["blocks"][0]
    for name in ("qkv", "out"):
        assert np.std(block["attention"][name]) == pytest.approx(96**-0.5, rel=0.05)
    down = block["feed_forward"]["down"]
    assert np.std(down) == pytest.approx(proxy.hidden**-0.5, rel=0.05)
