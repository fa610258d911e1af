"""The harness of this package: chunks of 50 steps, text on the device."""

import jax
import numpy as np

from bayeslaw.corpora.corpus import Corpus, Tokens
from bayeslaw.proxy.study.config import Proxy, Training
from bayeslaw.proxy.training.batches import window_starts
from bayeslaw.proxy.training.mesh import Layout
from bayeslaw.proxy.training.training_program import compile_program
from benchmarks.harness.engines.shape import (
    BATCH,
    CONTEXT,
    HEADS,
    LAYERS,
    RATE,
    VOCABULARY,
    WIDTH,
    random_text,
)
from benchmarks.harness.engines.timing import print_times

CHUNK = 50
text = random_text()
size = np.array([len(text)])
tokens = Tokens(text, size, np.array([0]), size)
corpus = Corpus(("text",), tokens, tokens, np.ones(VOCABULARY), {}, "random", "none")
proxy = Proxy(depth=LAYERS, width_per_depth=WIDTH // LAYERS, head_width=WIDTH // HEADS)
training = Training(
    context=CONTEXT, batch_size=BATCH, chunk=CHUNK, eval_tokens=16 * CONTEXT
)
program = compile_program(proxy, training, corpus, Layout((jax.devices()[0],)))
state, done = program.init(0), 0


def steps(n: int) -> None:
    global state, done
    for _ in range(n // CHUNK):
        first = done * BATCH
        starts = window_starts(
            tokens, np.ones(1), 0, CONTEXT, first, first + CHUNK * BATCH
        )
        rates = np.full(CHUNK, RATE, np.float32)
        state, measured = program.advance(state, starts.reshape(CHUNK, BATCH), rates)
        done += CHUNK
    jax.block_until_ready(measured)


print_times(steps, parameters=program.counts["total"])
