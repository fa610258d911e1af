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

from bayeslaw.corpora import Corpus
from bayeslaw.proxy.study import (
    AnyCorpusConfig,
    Leg,
    Proxy,
    RunSpec,
    TokenizerConfig,
    Training,
    learning_rates,
)
from bayeslaw.proxy.training.batches import load_corpus, window_starts
from bayeslaw.proxy.training.evaluate import Score, make_evaluate, token_nats
from bayeslaw.proxy.training.mesh import Layout
from bayeslaw.proxy.training.scaling import (
    count_parameters,
    flops_per_token,
    rate_multipliers,
)
from bayeslaw.proxy.training.transformer import Params, init_transformer

State = dict[str, Any]  # {"params": ..., "optimizer": ...}
Measured = dict[str, Array]  # "loss" (nats) and "gradient_norm" of each step
# (params, stream, start_B) -> mean loss of a batch, its gradient
Gradient = Callable[[Params, Array, Array], tuple[Array, Params]]


class TrainingDiverged(RuntimeError):
    """The training loss is no longer a finite number."""


@dataclass(frozen=True)
class Program:
    """The compiled functions of all runs that differ only in mixture, seed and D."""

    init: Callable[[int], State]  # entropy -> state before the first step
    advance: Callable[..., tuple[State, Measured]]  # one chunk -> state, each step
    copy: Callable[[State], State]  # `advance` uses up the state that it is given
    evaluate: Callable[[Params], dict[str, Score]]
    counts: dict[str, int]  # parameter counts
    flops_per_token: int
    corpus: Corpus
    layout: Layout


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
    corpus_folder: Path | None,
    layout: Layout,
) -> Program:
    """Compile the functions for a shape of proxy; cached, as a worker has many runs."""
    text = load_corpus(corpus, tokenizer, corpus_folder)
    return compile_program(proxy, training, text, layout)


def compile_program(
    proxy: Proxy, training: Training, text: Corpus, layout: Layout
) -> Program:
    """Compiled functions for a shape of proxy and a text."""
    vocabulary = len(text.bytes_per_token)
    dtype = dtype_of(training)
    params, apply = init_transformer(proxy, vocabulary, jax.random.key(0), dtype=dtype)
    optimizer = make_optimizer(params, proxy, training)
    initial = {"params": params, "optimizer": optimizer.init(params)}
    shardings = layout.of_state(initial)
    stream = layout.put(text.train.stream, layout.replicated)
    steps = make_steps(optimizer, make_gradient(apply, training))

    # The state before a chunk gives its memory to the state after it.
    @functools.partial(
        jax.jit, donate_argnums=0, out_shardings=(shardings, layout.replicated)
    )
    def scan(
        state: State,
        stream: Array,
        start_SxB: Int[Array, "S B"],
        rate_S: Float[Array, " S"],
    ) -> tuple[State, Measured]:
        return steps(state, stream, start_SxB, rate_S)

    def advance(
        state: State, start_SxB: np.ndarray, rate_S: np.ndarray
    ) -> tuple[State, Measured]:
        starts = layout.put(start_SxB, layout.along(1))
        return scan(state, stream, starts, layout.put(rate_S, layout.replicated))

    def init(entropy: int) -> State:
        key = jax.random.key(entropy)
        params, _ = init_transformer(proxy, vocabulary, key, dtype=dtype)
        state = {"params": params, "optimizer": optimizer.init(params)}
        return jax.tree.map(
            lambda leaf, at: layout.put(np.asarray(leaf), at), state, shardings
        )

    return Program(
        init=init,
        advance=advance,
        copy=jax.jit(lambda state: jax.tree.map(jnp.copy, state)),
        evaluate=make_evaluate(apply, text, training, layout),
        counts=count_parameters(params),
        flops_per_token=flops_per_token(params, proxy, training.context),
        corpus=text,
        layout=layout,
    )


def make_steps(
    optimizer: optax.GradientTransformation, compute: Gradient
) -> Callable[[State, Array, Array, Array], tuple[State, Measured]]:
    """The function (state, stream, start_SxB, rate_S) -> state, what each step saw."""

    def steps(
        state: State, stream: Array, start_SxB: Array, rate_S: Array
    ) -> tuple[State, Measured]:
        def step(state: State, inputs: tuple[Array, Array]) -> tuple[State, Measured]:
            start_B, rate = inputs
            params, memory = state["params"], state["optimizer"]
            loss, gradient = compute(params, stream, start_B)
            update, memory = optimizer.update(gradient, memory, params)
            params = jax.tree.map(lambda w, u: w - rate * u, params, update)
            measured = {"loss": loss, "gradient_norm": optax.tree.norm(gradient)}
            return {"params": params, "optimizer": memory}, measured

        return jax.lax.scan(step, state, (start_SxB, rate_S))

    return steps


def dtype_of(training: Training) -> Any:
    """Type of the matrix products."""
    if training.precision == "auto":
        # bfloat16 was 1.75x slower than float32 on CPU.
        on_cpu = jax.default_backend() == "cpu"
        return jnp.float32 if on_cpu else jnp.bfloat16
    return jnp.dtype(training.precision)


def make_gradient(
    apply: Callable[[Params, Array], Array], training: Training
) -> Gradient:
    """The function (params, stream, start_B) -> mean loss of a batch, its gradient.

    With `accumulation` A the batch is taken in A parts, one after the other: the same
    sums in another order, in the memory of one part.
    """

    def mean_nats(params: Params, stream: Array, start_B: Array) -> Array:
        nats, _ = token_nats(apply, params, stream, start_B, training.context)
        return nats.mean()

    whole = jax.value_and_grad(mean_nats)
    if training.accumulation == 1:
        return whole

    def in_parts(params: Params, stream: Array, start_B: Array) -> tuple[Array, Params]:
        # Part k takes every A-th sequence, so that a divided batch stays divided.
        start_AxB = start_B.reshape(-1, training.accumulation).T

        def add(total: Any, start_B: Array) -> tuple[Any, None]:
            part = whole(params, stream, start_B)
            return jax.tree.map(jnp.add, total, part), None

        zero = (jnp.zeros(()), jax.tree.map(jnp.zeros_like, params))
        total, _ = jax.lax.scan(add, zero, start_AxB)
        return jax.tree.map(lambda x: x / training.accumulation, total)

    return in_parts


def program_of(
    spec: RunSpec, corpus_folder: Path | None = None, layout: Layout | None = None
) -> Program:
    """The compiled functions that train a run.

    Args:
      spec: the run.
      corpus_folder: folder of a built corpus on this machine.
      layout: the devices, and how arrays are divided over them; one device if None.
    """
    return make_program(
        spec.proxy,
        spec.training,
        spec.corpus,
        spec.tokenizer,
        corpus_folder,
        layout or Layout((jax.local_devices()[0],)),
    )


def advance_chunk(
    program: Program, spec: RunSpec, leg: Leg, state: State, step: int
) -> tuple[State, Measured]:
    """Advance the state by one chunk from `step` of a leg, and return what it measured.

    Returns as soon as the work is handed to the device. `state` is used up.
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
    return program.advance(
        state, starts.reshape(training.chunk, training.batch_size), rates
    )


def check_finite(losses: np.ndarray, spec: RunSpec, leg: Leg, step: int) -> None:
    """Stop a run whose training loss is no longer a number.

    Args:
      losses: loss of each step of a chunk. Shape (step,).
      spec: the run.
      leg: the leg that the chunk belongs to.
      step: first step of the chunk.

    Raises:
      TrainingDiverged: a loss of the chunk is not finite.
    """
    finite = np.isfinite(losses)
    if not finite.all():
        bad = step + int(np.argmin(finite))
        raise TrainingDiverged(
            f"the training loss of run {spec.run} is not finite at step {bad} "
            f"({leg.schedule} leg, D = {bad * spec.training.tokens_per_step} tokens); "
            "lower [training] learning_rate or lengthen its warmup"
        )
