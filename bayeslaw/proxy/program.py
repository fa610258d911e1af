"""The compiled functions of training: initial state, one chunk of steps, evaluation."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int

from bayeslaw.corpora.corpus import Corpus
from bayeslaw.proxy.config import (
    AnyCorpusConfig,
    Proxy,
    RunSpec,
    TokenizerConfig,
    Training,
)
from bayeslaw.proxy.data import load_corpus, window_starts
from bayeslaw.proxy.evaluate import Score, make_evaluate, token_nats
from bayeslaw.proxy.schedule import Leg, learning_rates
from bayeslaw.proxy.transformer import (
    Params,
    count_parameters,
    flops_per_token,
    init_transformer,
    rate_multipliers,
)

State = dict[str, Any]  # {"params": ..., "optimizer": ...}


class TrainingDiverged(RuntimeError):
    """The training loss is no longer a finite number."""


@dataclass(frozen=True)
class Program:
    """The compiled functions of all runs that differ only in mixture, seed and D."""

    init: Callable[[int], State]  # entropy -> state before the first step
    advance: Callable[..., tuple[State, Array]]  # one chunk -> state, loss per step
    evaluate: Callable[[Params], dict[str, Score]]
    counts: dict[str, int]  # parameter counts
    flops_per_token: int
    corpus: Corpus


def make_optimizer(
    params: Params, proxy: Proxy, training: Training
) -> optax.GradientTransformation:
    """AdamW without its rate, which `advance` applies to the update.

    Weight decay is not scaled with width: its product with the rate stays the same
    (Everett et al. 2024, 2407.05872, on independent weight decay). Gains do not decay.
    """
    multipliers = rate_multipliers(params, proxy, training.base_width)
    return optax.chain(
        optax.clip_by_global_norm(training.clip_norm),
        optax.scale_by_adam(training.beta1, training.beta2),
        optax.stateless(lambda u, _: jax.tree.map(jnp.multiply, u, multipliers)),
        optax.add_decayed_weights(
            training.weight_decay, jax.tree.map(lambda leaf: leaf.ndim > 1, params)
        ),
    )


@functools.lru_cache(maxsize=8)
def make_program(
    proxy: Proxy,
    training: Training,
    corpus: AnyCorpusConfig,
    tokenizer: TokenizerConfig,
    corpus_folder: Path | None = None,
) -> Program:
    """Compiled functions for a shape of proxy; cached, as a worker trains many runs."""
    text = load_corpus(corpus, tokenizer, corpus_folder)
    vocabulary = len(text.bytes_per_token)
    # bfloat16 was 1.75x slower than float32 on CPU.
    dtype = jnp.float32 if jax.default_backend() == "cpu" else jnp.bfloat16
    params, apply = init_transformer(proxy, vocabulary, jax.random.key(0), dtype=dtype)
    optimizer = make_optimizer(params, proxy, training)
    stream = jnp.asarray(text.train.stream)

    def mean_nats(params: Params, start_B: Array) -> Array:
        nats, _ = token_nats(apply, params, stream, start_B, training.context)
        return nats.mean()

    def step(state: State, inputs: tuple[Array, Array]) -> tuple[State, Array]:
        start_B, rate = inputs
        loss, gradient = jax.value_and_grad(mean_nats)(state["params"], start_B)
        update, memory = optimizer.update(gradient, state["optimizer"], state["params"])
        params = jax.tree.map(lambda w, u: w - rate * u, state["params"], update)
        return {"params": params, "optimizer": memory}, loss

    @jax.jit
    def advance(
        state: State, start_SxB: Int[Array, "S B"], rate_S: Float[Array, " S"]
    ) -> tuple[State, Float[Array, " S"]]:
        return jax.lax.scan(step, state, (start_SxB, rate_S))

    def init(entropy: int) -> State:
        key = jax.random.key(entropy)
        params, _ = init_transformer(proxy, vocabulary, key, dtype=dtype)
        return {"params": params, "optimizer": optimizer.init(params)}

    return Program(
        init=init,
        advance=advance,
        evaluate=make_evaluate(apply, text, training.context, training.eval_tokens),
        counts=count_parameters(params),
        flops_per_token=flops_per_token(params, proxy, training.context),
        corpus=text,
    )


def program_of(spec: RunSpec, corpus_folder: Path | None = None) -> Program:
    """The compiled functions that train a run.

    Args:
      spec: the run.
      corpus_folder: where a built corpus lies on this machine.
    """
    return make_program(
        spec.proxy, spec.training, spec.corpus, spec.tokenizer, corpus_folder
    )


def advance_chunk(
    program: Program, spec: RunSpec, leg: Leg, state: State, step: int
) -> State:
    """The state one chunk after `step` of a leg.

    Raises:
      TrainingDiverged: a loss of the chunk is not finite.
    """
    training, stop = spec.training, step + spec.training.chunk
    starts = window_starts(
        program.corpus.train,
        np.array([spec.mixture[family] for family in program.corpus.families]),
        spec.entropy,
        training.context,
        step * training.batch_size,
        stop * training.batch_size,
    )
    rates = learning_rates(leg, training, step, stop)
    state, losses = program.advance(
        state, starts.reshape(training.chunk, training.batch_size), rates
    )
    finite = np.isfinite(np.asarray(losses))
    if not finite.all():
        bad = step + int(np.argmin(finite))
        raise TrainingDiverged(
            f"training loss of run {spec.run} is not finite at step {bad} "
            f"({leg.schedule} leg, D = {bad * training.tokens_per_step} tokens); "
            "lower [training] learning_rate or lengthen its warmup"
        )
    return state
