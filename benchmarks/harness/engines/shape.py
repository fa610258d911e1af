"""The task of the benchmark: nanoGPT's shape for a CPU, on random text.

Four layers of width 128 with four heads, 64 tokens, 12 sequences, 65 characters;
nanoGPT's readme recommends it for laptops. What the text is does not change the time.
"""

import numpy as np

LAYERS, WIDTH, HEADS = 4, 128, 4
CONTEXT, BATCH, VOCABULARY = 64, 12, 65
RATE, DECAY, BETAS, CLIP = 1e-3, 0.1, (0.9, 0.99), 1.0


def random_text(n: int = 1_000_000) -> np.ndarray:
    return np.random.default_rng(0).integers(0, VOCABULARY, n).astype(np.uint16)
