"""Translation after pretraining: what is decoded, learnt, scored and written down."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from proxy_studies import prepared_run

from bayeslaw.corpora.tokenizer import ByteTokenizer
from bayeslaw.data.scores import read_curves
from bayeslaw.errors import InputError
from bayeslaw.proxy.execution.executor import train_study
from bayeslaw.proxy.execution.pool import Pool
from bayeslaw.proxy.study.config import Proxy, Training, Translation
from bayeslaw.proxy.training.transformer import (
    empty_caches,
    init_transformer,
    make_step,
)
from bayeslaw.proxy.translation.decode import make_decode
from bayeslaw.proxy.translation.examples import make_examples
from bayeslaw.proxy.translation.finetune import (
    batches,
    learning_rates,
    make_cross_entropy,
    make_finetune,
    n_steps,
)
from bayeslaw.proxy.translation.measure import alignment, read_task, translate
from bayeslaw.proxy.translation.translation_scores import score_nats, score_texts

SMALL = Proxy(depth=2, width_per_depth=8, head_width=4)
VOCABULARY, END, LENGTH = 5, 4, 7


@pytest.fixture(scope="module")
def talker():
    """A proxy with strong opinions on five tokens."""
    params, apply = init_transformer(SMALL, VOCABULARY, jax.random.key(0))
    params["unembedding"] = 3 * jax.random.normal(
        jax.random.key(1), params["unembedding"].shape
    )
    return params, apply


PROMPTS = np.array(
    [[4, 1, 2, 4, 0, 0, 0], [4, 3, 4, 0, 0, 0, 0], [4, 1, 1, 3, 4, 0, 0]]
)
SIZES = np.array([4, 3, 5])


def decoded(params, beams):
    decode = make_decode(SMALL, VOCABULARY, length=LENGTH, end=END, beams=beams)
    return np.asarray(decode(params, jnp.asarray(PROMPTS), jnp.asarray(SIZES)))


def mean_log_p(params, apply, rows, start):
    """Mean log-probability of continuations, up to and with their ends."""
    log_p = jax.nn.log_softmax(apply(params, jnp.asarray(rows))[:, :-1])
    chosen = np.take_along_axis(np.asarray(log_p), rows[:, 1:, None], 2)[:, :, 0]
    ends = (rows[:, start:] == END).argmax(1)
    stops = np.where((rows[:, start:] == END).any(1), start + ends, LENGTH - 1)
    return np.array(
        [c[start - 1 : stop].mean() for c, stop in zip(chosen, stops, strict=True)]
    )


def test_one_position_at_a_time_gives_the_logits_of_the_whole(talker):
    params, apply = talker
    step = make_step(SMALL, VOCABULARY)
    tokens = jnp.asarray(PROMPTS)
    caches = empty_caches(SMALL, len(PROMPTS), LENGTH)
    whole = apply(params, tokens)
    for at in range(LENGTH):
        logits, caches = step(params, tokens[:, at], caches, jnp.asarray(at))
        np.testing.assert_allclose(logits, whole[:, at], atol=1e-5)


def test_greedy_search_takes_the_likeliest_token_each_time(talker):
    params, apply = talker
    for row, size, found in zip(PROMPTS, SIZES, decoded(params, 1), strict=True):
        wanted = np.full(LENGTH, END)
        wanted[:size] = row[:size]
        for at in range(size, LENGTH):
            logits = apply(params, jnp.asarray(wanted[None]))[0, at - 1]
            wanted[at] = int(logits.argmax())
            if wanted[at] == END:
                break
        assert found.tolist() == wanted.tolist()


def test_a_beam_as_wide_as_all_continuations_finds_the_best_of_them(talker):
    params, apply = talker
    found = decoded(params, VOCABULARY ** int(LENGTH - SIZES.min()))
    for row, size, best in zip(PROMPTS, SIZES, found, strict=True):
        ways = itertools.product(range(VOCABULARY), repeat=int(LENGTH - size))
        rows = np.array([[*row[:size].tolist(), *way] for way in ways])
        score = mean_log_p(params, apply, best[None], size)[0]
        best_score = mean_log_p(params, apply, rows, size).max()
        assert score == pytest.approx(best_score, rel=1e-5)


def test_a_pair_is_separated_and_filled_up_and_long_ones_are_counted():
    pairs = [("ab", "c"), ("a" * 20, "b"), ("d", "ef"), ("g", "h")]
    found = make_examples(pairs, ByteTokenizer(), context=7, limit=2)
    assert found.tokens.tolist() == [
        [256, 97, 98, 256, 99, 256, 256, 256],
        [256, 100, 256, 101, 102, 256, 256, 256],
    ]
    assert found.prompt.tolist() == [4, 3]
    assert found.length.tolist() == [6, 6]
    assert found.n_too_long == 1
    assert found.target_tokens == 5


def test_every_epoch_has_every_pair_once_in_another_order():
    rows = batches(12, 4, 6, entropy=3).reshape(2, 12)
    assert (np.sort(rows, axis=1) == np.arange(12)).all()
    assert (rows[0] != rows[1]).any()
    assert (batches(12, 4, 6, entropy=3).ravel() == rows.ravel()).all()


def test_steps_are_whole_epochs_within_their_limits():
    settings = Translation(
        tasks=("en-de",), pairs=(10,), epochs=2, batch_size=4, max_steps=9, min_steps=3
    )
    assert [n_steps(settings, n) for n in (2, 10, 1000)] == [3, 5, 9]
    rates = learning_rates(settings, 20)
    assert rates.argmax() <= 2
    assert 0 < rates[-1] < 0.06 * settings.learning_rate


WORDS = ("ab", "cd", "ef", "gh")


def test_a_fine_tuned_proxy_translates_what_it_was_taught():
    """Four words, each with its translation, learnt by heart from random weights."""
    pairs = [(word, word[::-1].upper()) for word in WORDS]
    examples = make_examples(pairs, ByteTokenizer(), context=8, limit=4)
    training = Training(context=8, base_width=16)
    settings = Translation(
        tasks=("en-de",), pairs=(4,), batch_size=4, epochs=150, learning_rate=1e-2
    )
    proxy = Proxy(depth=2, width_per_depth=8, head_width=8)
    params, _ = init_transformer(proxy, 257, jax.random.key(0))
    tuned = make_finetune(proxy, training, 257)(params, examples, settings, 1)
    decode = make_decode(proxy, 257, length=9, end=256)
    assert translate(decode, tuned, examples, ByteTokenizer()) == [t for _, t in pairs]
    cross_entropy = make_cross_entropy(proxy, 257)
    before, after = (cross_entropy(p, examples).mean() for p in (params, tuned))
    # Three tokens a target, the end among them; a uniform guess at first.
    assert before == pytest.approx(3 * np.log(257), rel=1e-5)
    assert after < 0.3


def test_equal_texts_score_a_hundred_and_others_less_with_an_error():
    texts = [f"the file number {n} could not be opened here" for n in range(30)]
    for score in score_texts(texts, texts):
        assert score.value == pytest.approx(100)
        assert score.unit == "points"
        assert "version:" in score.signature
    changed = [t.replace("opened", "read") if n % 3 else t for n, t in enumerate(texts)]
    bleu, chrf = score_texts(changed, texts)
    assert (bleu.metric, chrf.metric) == ("bleu", "chrf")
    assert 30 < bleu.value < 95
    assert 0.3 < bleu.se < 8


def test_the_error_of_a_score_is_what_other_test_sets_would_show():
    """Against the spread over test sets drawn anew, not resampled."""
    rng = np.random.default_rng(0)

    def draw():
        texts = [f"line {n} of the file was not read again" for n in range(120)]
        spoilt = rng.random(120) < 0.4
        return [
            t.replace("not read", "never seen") if bad else t
            for t, bad in zip(texts, spoilt, strict=True)
        ], texts

    scores = [score_texts(*draw())[0] for _ in range(25)]
    spread = np.std([score.value for score in scores], ddof=1)
    # A standard deviation of 25 values is off by 14 % (one standard error).
    assert np.mean([score.se for score in scores]) == pytest.approx(spread, rel=0.45)


def test_cross_entropy_is_bits_per_byte_of_the_references():
    score = score_nats(np.array([2.0, 4.0]) * np.log(2), ["abcd", "ä"])
    assert score.value == pytest.approx(6 / 6)
    residual = np.array([2 - 4, 4 - 2])
    assert score.se == pytest.approx(np.sqrt((residual**2).sum() * 2) / 6)


def test_alignment_is_that_of_the_paper():
    assert alignment({"en": 0.5, "de": 0.5}, "en-de") == pytest.approx(1.0)
    assert alignment({"en": 1.0}, "en-de") == pytest.approx(0.7)
    assert alignment({"de": 1.0}, "en-de") == pytest.approx(0.8)
    assert alignment({"fr": 1.0}, "en-de") == 0


TRANSLATION = """
[translation]
tasks = ["en-ro", "ro-en"]
pairs = [4, 8]
epochs = 1.0
batch_size = 4
test_pairs = 3
untrained = true
"""


@pytest.mark.parametrize(
    ("task", "pairs", "wrong"),
    [
        ("en-xx", 10, "unknown translation task"),
        ("en-de", 10**6, "too few sentence pairs"),
    ],
)
def test_a_task_that_the_corpus_cannot_give_is_refused(task, pairs, wrong):
    with pytest.raises(InputError, match=wrong):
        read_task(task, pairs, test_pairs=10, context=64, corpus_folder=None)


def test_a_study_of_translation_has_its_own_table(tmp_path):
    import csv

    prepared_run(tmp_path, tokens=(512,))
    path = tmp_path / "study.toml"
    text = path.read_text(encoding="utf-8").replace("context = 32", "context = 96")
    text = text.replace("[512]", "[1536]").replace("= 512", "= 960")
    path.write_text(text + TRANSLATION, encoding="utf-8")
    summary = train_study(path, executor=Pool(1), progress=False)
    assert not summary.failed
    with open(tmp_path / "translations.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = {(r["task"], r["pairs"], r["D_p"], r["metric"]) for r in rows}
    assert found == set(
        itertools.product(
            ("en-ro", "ro-en"),
            ("4", "8"),
            ("0", "1536"),
            ("bleu", "chrf", "cross_entropy"),
        )
    )
    assert len(rows) == len(found)
    assert all(r["pretraining_mix"] == "none" for r in rows if r["D_p"] == "0")
    table = read_curves(tmp_path / "translations.csv")
    assert len(table.curves) == 2 * 2 * 3
    assert all(table.rows_of(curve.baseline).sum() == 1 for curve in table.curves)
    assert train_study(path, executor=Pool(1), progress=False).rows_added == 0
