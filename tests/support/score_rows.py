"""Rows of a table of downstream scores, as our own study of translation writes them."""

from itertools import product

SCORES = (("bleu", "points", 3.0), ("chrf", "points", 20.0))
SCORES += (("cross_entropy", "bits/byte", 2.0),)


def study_rows() -> list[dict]:
    """Two mixtures, two tasks, two sizes of training sets, four values of D_p."""
    # The values need not be likely, only different from row to row.
    return [
        {
            "study": "sample",
            "run": f"d2_{mix}_s0",
            "seed": 0,
            "origin": "measured",
            "proxy": "d2",
            "N": 4096,
            "task": task,
            "pretraining_mix": mix if tokens else "none",
            "D_p": tokens,
            "D_f": pairs * 31,
            "pairs": pairs,
            "steps": pairs // 4,
            "alignment": (0.7 if mix == task[:2] else 0.8) if tokens else 0.0,
            "metric": metric,
            "unit": unit,
            "value": level + tokens / 1e7 + pairs / 1e5,
            "se": None if metric == "bleu" and not tokens else 0.1,
            "beams": 4,
            "test_pairs": 100,
            "signature": f"{metric}|bs:1000|version:2.6.0",
            "tokenizer": "bytes",
            "versions": "bayeslaw 0.1.0, spec 1234",
            "mixture": f'{{"{mix}": 1.0}}',
        }
        for mix, task, pairs, tokens, (metric, unit, level) in product(
            ("en", "de"),
            ("en-de", "de-en"),
            (200, 2000),
            (0, 1_000_000, 4_000_000, 16_000_000),
            SCORES,
        )
    ]
