"""Scores of translations: BLEU and chrF by sacrebleu, and cross-entropy."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

# Half of a 95 % interval holds so many standard errors.
HALF_95 = 1.96
N_BOOTSTRAP = 1000


@dataclass(frozen=True)
class TranslationScore:
    """One number about the translations of a test set."""

    metric: str  # "bleu", "chrf" or "cross_entropy"
    unit: str
    value: float
    se: float | None  # standard error over test sentences
    signature: str  # how it was computed


def score_texts(found: Sequence[str], wanted: Sequence[str]) -> list[TranslationScore]:
    """Compute BLEU and chrF of whole texts, 0 to 100 points, with bootstrap errors.

    Source: Post 2018, 1804.08771; standard errors over 1000 resamplings of sentences,
    Koehn 2004.

    Args:
      found: translations.
      wanted: one reference each.
    """
    return [_score(BLEU(), found, wanted), _score(CHRF(), found, wanted)]


def _score(
    metric: BLEU | CHRF, found: Sequence[str], wanted: Sequence[str]
) -> TranslationScore:
    result = metric.corpus_score(found, [wanted], n_bootstrap=N_BOOTSTRAP)
    signature = metric.get_signature().format()
    told = json.loads(result.format(width=9, signature=signature, is_json=True))
    # Missing where every resampling scores zero: then the error is not known.
    half = told.get("confidence_var")
    return TranslationScore(
        metric=type(metric).__name__.lower(),
        unit="points",
        value=result.score,
        se=None if half is None else half / HALF_95,
        signature=signature,
    )


def score_nats(nats: np.ndarray, wanted: Sequence[str]) -> TranslationScore:
    """Compute the cross-entropy of references in bits per byte, with its error.

    Args:
      nats: loss of each reference, its end included. Shape (sentence,).
      wanted: the references.
    """
    size = np.array([len(text.encode()) for text in wanted], float)
    bits, n = nats / math.log(2), len(size)
    value = bits.sum() / size.sum()
    spread = ((bits - value * size) ** 2).sum() * n / max(n - 1, 1)
    se = math.sqrt(spread) / size.sum()
    return TranslationScore("cross_entropy", "bits/byte", value, se, "target and end")
