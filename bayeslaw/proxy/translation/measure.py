"""From a pretrained model to rows of translations.csv: fine-tune, translate, score."""

import functools
import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from bayeslaw.corpora import (
    PARALLEL,
    ByteTokenizer,
    Pair,
    PairSets,
    Tokenizer,
    read_pair_sets,
    read_sample_pairs,
    read_tokenizer,
)
from bayeslaw.errors import InputError
from bayeslaw.proxy.study import Proxy, Row, RunSpec, Training
from bayeslaw.proxy.training import Params, Program, describe_versions
from bayeslaw.proxy.translation.decode import Decode, make_decode
from bayeslaw.proxy.translation.examples import Examples, make_examples
from bayeslaw.proxy.translation.finetune import (
    Finetune,
    make_cross_entropy,
    make_finetune,
    n_steps,
)
from bayeslaw.proxy.translation.translation_scores import (
    TranslationScore,
    score_nats,
    score_texts,
)

DECODE_BATCH = 64


@dataclass(frozen=True)
class Task:
    """Sentence pairs of one direction of translation, ready for a proxy."""

    name: str
    train: Examples
    test: Examples


@dataclass(frozen=True)
class Tools:
    """Compiled functions, the same for all runs of a shape."""

    finetune: Finetune
    cross_entropy: Callable[[Params, Examples], np.ndarray]
    decode: Decode


def measure_translations(
    spec: RunSpec,
    program: Program,
    params: Params,
    corpus_folder: Path | None,
    tokens: int,
) -> list[Row]:
    """Make the rows of one pretrained model: every task, every training-set size.

    Args:
      spec: the run, with `translation`.
      program: its compiled functions.
      params: weights after pretraining; they are not changed.
      corpus_folder: folder of a built corpus on this machine.
      tokens: D_p, tokens of pretraining; 0 if there was none.
    """
    assert spec.translation is not None
    coder = _tokenizer(corpus_folder)
    vocabulary = len(program.corpus.bytes_per_token)
    context, beams = _context(spec), spec.translation.beams
    tools = make_tools(
        spec.proxy, spec.training, vocabulary, coder.separator, context, beams
    )
    rows = []
    for name, pairs in product(spec.translation.tasks, spec.translation.pairs):
        task = read_task(
            name, pairs, spec.translation.test_pairs, context, corpus_folder
        )
        entropy = _entropy(spec, name, tokens)
        tuned = tools.finetune(params, task.train, spec.translation, entropy)
        scores = score_task(tools, tuned, task, coder)
        rows += [_row(spec, program, task, score, tokens) for score in scores]
    return rows


@functools.lru_cache(maxsize=4)
def make_tools(
    proxy: Proxy,
    training: Training,
    vocabulary: int,
    separator: int,
    context: int,
    beams: int,
) -> Tools:
    """Compiled functions for a shape of proxy; cached, as a worker has many runs."""
    length = context + 1
    return Tools(
        make_finetune(proxy, training, vocabulary),
        make_cross_entropy(proxy, vocabulary),
        make_decode(proxy, vocabulary, length=length, end=separator, beams=beams),
    )


def _context(spec: RunSpec) -> int:
    assert spec.translation is not None
    return spec.translation.context or spec.training.context


@functools.lru_cache(maxsize=32)
def read_task(
    name: str, pairs: int, test_pairs: int, context: int, corpus_folder: Path | None
) -> Task:
    """Read the first training pairs and test pairs of a task that fit into a window.

    Args:
      name: source-target, e.g. en-de.
      pairs: number of training pairs.
      test_pairs: number of test pairs, at most.
      context: tokens of a window.
      corpus_folder: folder of a built corpus; the shipped sample if None.

    Raises:
      InputError: the corpus has no such task, or fewer training pairs.
    """
    coder = _tokenizer(corpus_folder)
    sets = _read_pairs(corpus_folder)
    source, _, target = name.partition("-")
    other = target if source == "en" else source
    if other not in sets:
        raise InputError(
            "unknown translation task",
            "study file, [translation] tasks",
            name,
            f"en and one of {', '.join(sorted(sets))}, in either order",
            "correct the name, or build the corpus with this language",
        )

    def examples(part: Sequence[Pair], limit: int) -> Examples:
        texts = [(pair.english, pair.other) for pair in part]
        if source != "en":
            texts = [(other, english) for english, other in texts]
        return make_examples(texts, coder, context=context, limit=limit)

    task = Task(
        name, examples(sets[other].train, pairs), examples(sets[other].test, test_pairs)
    )
    if len(task.train.pairs) < pairs:
        raise InputError(
            "too few sentence pairs",
            f"study file, [translation] pairs, task {name}",
            f"{len(task.train.pairs)} pairs that fit into {context} tokens",
            f"at least {pairs}",
            "lower [translation] pairs, or raise context",
        )
    return task


def score_task(
    tools: Tools, params: Params, task: Task, coder: Tokenizer
) -> list[TranslationScore]:
    """Compute cross-entropy, BLEU and chrF of a fine-tuned model on test pairs."""
    wanted = [target for _, target in task.test.pairs]
    found = translate(tools.decode, params, task.test, coder)
    nats = tools.cross_entropy(params, task.test)
    return [score_nats(nats, wanted), *score_texts(found, wanted)]


def translate(
    decode: Decode, params: Params, examples: Examples, coder: Tokenizer
) -> list[str]:
    """The translation of each example's source."""
    n = len(examples.pairs)
    order = np.resize(np.arange(n), math.ceil(n / DECODE_BATCH) * DECODE_BATCH)
    texts = []
    for rows in order.reshape(-1, DECODE_BATCH):
        prompt, given = examples.prompt[rows], jnp.asarray(examples.tokens[rows])
        tokens = np.asarray(decode(params, given, jnp.asarray(prompt)))
        for row, start in zip(tokens, prompt, strict=True):
            ends = np.flatnonzero(row[start:] == coder.separator)
            stop = start + ends[0] if len(ends) else len(row)
            texts.append(coder.decode(row[start:stop]).decode(errors="replace"))
    return texts[:n]


def alignment(mixture: dict[str, float], task: str) -> float:
    """How well a pretraining mixture fits a task: P_s P_t + .7 P_s + .8 P_t.

    P is the share of a language in the mixture, 0 if the mixture does not list it.

    Source: Isik et al. 2024, 2402.04177, section 3.
    """
    source, target = (mixture.get(language, 0.0) for language in task.split("-"))
    return source * target + 0.7 * source + 0.8 * target


@functools.lru_cache(maxsize=2)
def _tokenizer(corpus_folder: Path | None) -> Tokenizer:
    return read_tokenizer(corpus_folder) if corpus_folder else ByteTokenizer()


@functools.lru_cache(maxsize=2)
def _read_pairs(corpus_folder: Path | None) -> dict[str, PairSets]:
    if corpus_folder is None:
        return read_sample_pairs()
    return read_pair_sets(corpus_folder / PARALLEL)


def _entropy(spec: RunSpec, task: str, tokens: int) -> int:
    """Root of the order of training pairs, another for every fine-tuning."""
    digest = hashlib.sha256(f"{spec.entropy} {task} {tokens}".encode()).digest()
    return int.from_bytes(digest[:4])


def _row(
    spec: RunSpec, program: Program, task: Task, score: TranslationScore, tokens: int
) -> Row:
    assert spec.translation is not None
    size = len(task.train.pairs)
    return {
        "study": spec.study,
        "run": spec.run,
        "seed": spec.seed,
        "origin": "measured",
        "proxy": spec.proxy_name,
        "N": program.counts["non_embedding"],
        "task": task.name,
        "pretraining_mix": spec.mixture_name if tokens else "none",
        "D_p": tokens,
        "D_f": int(task.train.length.sum()),
        "pairs": size,
        "steps": n_steps(spec.translation, size),
        "alignment": alignment(spec.mixture, task.name) if tokens else 0.0,
        "metric": score.metric,
        "unit": score.unit,
        "value": score.value,
        "se": score.se,
        "beams": spec.translation.beams,
        "test_pairs": len(task.test.pairs),
        "signature": score.signature,
        "tokenizer": program.corpus.tokenizer,
        "versions": describe_versions(spec),
        "mixture": json.dumps(spec.mixture),
    }
