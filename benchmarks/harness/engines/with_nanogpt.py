"""nanoGPT's model and loop in torch, eager as its readme has it for CPUs.

The model is read from a clone of karpathy/nanoGPT; the loop below is its train.py less
logging and evaluation.
"""

import sys

import numpy as np
import torch

from benchmarks.harness.engines.shape import (
    BATCH,
    BETAS,
    CLIP,
    CONTEXT,
    DECAY,
    HEADS,
    LAYERS,
    RATE,
    VOCABULARY,
    WIDTH,
    random_text,
)
from benchmarks.harness.engines.timing import print_times

sys.path.insert(0, sys.argv[1])
from model import GPT, GPTConfig

torch.set_num_threads(1)
torch.manual_seed(0)
config = GPTConfig(
    block_size=CONTEXT,
    vocab_size=VOCABULARY,
    n_layer=LAYERS,
    n_head=HEADS,
    n_embd=WIDTH,
    dropout=0.0,
    bias=False,
)
model = GPT(config)
optimizer = model.configure_optimizers(DECAY, RATE, BETAS, "cpu")
text = random_text()


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    starts = torch.randint(len(text) - CONTEXT, (BATCH,))
    x, y = (
        torch.stack(
            [
                torch.from_numpy(text[i + o : i + o + CONTEXT].astype(np.int64))
                for i in starts
            ]
        )
        for o in (0, 1)
    )
    return x, y


def steps(n: int) -> None:
    for _ in range(n):
        _, loss = model(*batch())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    loss.item()


print_times(steps, parameters=model.get_num_params())
