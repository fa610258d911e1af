"""What scales with a proxy: parameters, compute, and the learning rate of each matrix.

Width scaling (muP for Adam; Yang et al. 2022, 2203.03466, table 3): hidden matrices
learn at rate * base_width / width, the unembedding likewise; embeddings and gains keep
the rate. `benchmarks/learning_rate.py` measures whether the best rate stays.
"""

import jax
from jaxtyping import Array

from bayeslaw.proxy.study import Proxy
from bayeslaw.proxy.training.transformer import Params

# Learning-rate rule by name of the parameter; every other parameter is a matrix.
CONSTANT_RATE = ("embedding", "gain")


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
