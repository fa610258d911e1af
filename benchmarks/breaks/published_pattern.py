"""The pattern of breaks in Isik et al. 2024 (arXiv 2402.04177), with simulated scores.

The paper shows its scores in figures only. Which curves break is **published** (its
figures 2 and 3); the numbers are **simulated**: about the sizes in those figures, with
the standard errors of test sets of 3000 sentences.
"""

import numpy as np

from bayeslaw.data.scores import CurveTable, curves_from_rows

# task, pretraining mixture, alignment of languages, BLEU at the first checkpoint, and
# whether it is published to break.
PUBLISHED = (
    ("en-fr", "en", 0.7, 37.5, True),
    ("en-fr", "de", 0.0, 37.0, True),
    ("en-fr", "ro", 0.0, 37.0, True),
    ("en-fr", "fr", 0.8, 37.0, False),
    ("en-de", "en", 0.7, 24.0, False),
    ("en-de", "de", 0.8, 24.5, False),
    ("en-de", "en+de", 0.99, 25.0, False),
    ("en-ro", "en", 0.7, 25.0, False),
)
D_P = 5e8 * 2.0 ** np.arange(7)
RISE, FALL, SE = 0.025, 0.012, 0.25  # of the score a doubling; of the score; points


def published_pattern(seed: int) -> CurveTable:
    """The table, with noise of a seed."""
    rng = np.random.default_rng(seed)
    x = np.log2(D_P / D_P[0])
    rows = []
    for task, mix, alignment, first, is_broken in PUBLISHED:
        turn = rng.uniform(1.5, 3) if is_broken else np.inf
        rise = RISE * np.minimum(x, turn) * rng.uniform(0.7, 1.3)
        fall = FALL * np.maximum(x - turn, 0) * rng.uniform(1, 2)
        scores = first * (1 + rise - fall) + SE * rng.normal(size=len(x))
        rows += [
            {
                "origin": "simulated",
                "run": mix,
                "task": task,
                "pretraining_mix": mix,
                "alignment": alignment,
                "D_p": tokens,
                "metric": "bleu",
                "value": score,
                "se": SE,
            }
            for tokens, score in zip(D_P, scores, strict=True)
        ]
    return curves_from_rows(rows)
