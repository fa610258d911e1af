"""Study files: what is expanded, and what is refused with which words."""

import json
import subprocess
import sys

import numpy as np
import pytest

from bayeslaw.errors import InputError, InputErrors
from bayeslaw.proxy.study.config import RunSpec
from bayeslaw.proxy.study.schedule import learning_rates, legs
from bayeslaw.proxy.study.study_file import expand, read_study

STUDY = """
[study]
name = "tiny"
[corpus]
families = ["germanic", "indic"]
[training]
context = 32
batch_size = 2
warmup = 2
chunk = 2
checkpoint_chunks = 1
eval_tokens = 512
[proxies]
a = { depth = 1 }
b = { depth = 2 }
[mixtures]
even = { germanic = 0.5, indic = 0.5 }
only = { germanic = 1.0 }
[[grid]]
proxies = ["a", "b"]
mixtures = ["even", "only"]
tokens = [512, 1024]
[[grid]]
proxies = ["a"]
mixtures = ["even"]
tokens = [1024, 2048]
seeds = [0, 1]
"""


@pytest.fixture
def write(tmp_path):
    def write_study(*changes: tuple[str, str]):
        text = STUDY
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "study.toml").write_text(text, encoding="utf-8")
        return tmp_path / "study.toml"

    return write_study


def test_a_run_asked_for_twice_is_trained_once_to_every_length(write):
    specs = {spec.run: spec for spec in expand(read_study(write()))}
    assert list(specs) == [
        "a-even-seed0",
        "a-only-seed0",
        "b-even-seed0",
        "b-only-seed0",
        "a-even-seed1",
    ]
    assert specs["a-even-seed0"].tokens == (512, 1024, 2048)
    assert specs["a-even-seed1"].tokens == (1024, 2048)


def test_a_family_left_out_of_a_mixture_has_ratio_zero(write):
    specs = {spec.run: spec for spec in expand(read_study(write()))}
    assert specs["a-only-seed0"].mixture == {"germanic": 1.0, "indic": 0.0}


def test_a_spec_survives_json_and_runs_share_neither_hash_nor_noise(write):
    specs = expand(read_study(write()))
    for spec in specs:
        again = RunSpec.model_validate_json(spec.model_dump_json())
        assert (again.hash, again.entropy) == (spec.hash, spec.entropy)
    assert len({spec.hash for spec in specs}) == len(specs)
    assert len({spec.entropy for spec in specs}) == len(specs)


def translation(**settings):
    """The change that adds a table [translation]."""
    fields = {"tasks": ["en-de"], "pairs": [100]} | settings
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in fields.items())
    return "[proxies]", f"[translation]\n{lines}[proxies]"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("indic = 0.5", "indic = 0.6"), ["do not sum to 1", "1.1", "mixtures.even"]),
        (("indic = 0.5", "indic = 50"), ["out of range", "50", "percentages"]),
        (("indic = 0.5", "indik = 0.5"), ["outside the corpus", "indik", "germanic"]),
        (("depth = 2", "depth = 0"), ["out of range", "[proxies.b] depth", "0"]),
        (("depth = 2", "deep = 2"), ["proxies.b.deep", "study file"]),
        (("depth = 2", "depth = 2, head_width = 5"), ["head width", "32", "5"]),
        (("context = 32", "context = 33"), ["divide into chunks", "512", "132"]),
        (("warmup = 2", "warmup = 9"), ["warm-up", "512", "9 steps"]),
        (('["a"]', '["z"]'), ["undefined", "z", "one of: a, b", "number 2"]),
        (("chunk = 2", 'chunk = "two"'), ["training.chunk", "two"]),
        (("tokens = [512, 1024]", "tokens = [-512]"), ["tokens", "-512"]),
        (("eval_tokens = 512", "eval_tokens = 31"), ["eval_tokens", "31", "32"]),
        (("eval_tokens = 512", "weight_decay = -1"), ["weight_decay", "-1"]),
        (("eval_tokens = 512", "cooldown_fraction = 1.5"), ["cooldown", "1.5"]),
        (('name = "tiny"', 'name = "tiny"\norigin = "guess"'), ["origin", "guess"]),
        (('"indic"]', '"germanic"]'), ["twice"]),
        (("tokens = [512, 1024]", "tokens = []"), ["grid.0.tokens", "at least 1"]),
        (("depth = 1", "depth = inf"), ["proxies.a.depth", "inf"]),
        (("warmup = 2", "learning_rate = nan"), ["learning_rate", "nan"]),
        (("warmup = 2", "warmup = 2\naccumulation = 3"), ["divide", "2, 3"]),
        (translation(tasks=["de-fr"]), ["direction", "de-fr", "en-de"]),
        (translation(pairs=[100, 0]), ["[translation] pairs", "0"]),
        (translation(beams=0), ["[translation] beams", "0"]),
        (translation(context=33), ["[translation] context", "33", "at most"]),
        (("seeds = [0, 1]", 'tasks = ["en-de"]'), ["undefined", "(none)", "number 2"]),
        (translation(min_steps=9, max_steps=8), ["exclude each other", "9, 8"]),
    ],
)
def test_a_wrong_study_is_refused_with_what_was_got(write, change, words):
    path = write(change)
    with pytest.raises(InputErrors) as caught:
        read_study(path)
    message = str(caught.value)
    assert str(path) in message
    for part in ("where:", "got:", "expected:", "fix:", *words):
        assert part in message


def test_a_grid_may_ask_for_some_tasks_of_translation(write):
    path = write(
        translation(tasks=["en-de", "de-en"]),
        ("seeds = [0, 1]", 'seeds = [0, 1]\ntasks = ["de-en"]\nuntrained = true'),
    )
    found = {spec.run: spec.translation for spec in expand(read_study(path))}
    assert found["a-even-seed0"].tasks == ("en-de", "de-en")
    assert found["a-even-seed1"].tasks == ("de-en",)
    assert found["a-even-seed0"].untrained
    assert found["a-even-seed1"].untrained
    assert not found["b-even-seed0"].untrained


def test_all_problems_are_reported_together(write):
    path = write(("indic = 0.5", "indic = 0.6"), ("depth = 2", "depth = -2"))
    with pytest.raises(InputErrors) as caught:
        read_study(path)
    assert len(caught.value.errors) >= 2


def test_a_missing_or_broken_file_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_study(tmp_path / "none.toml")
    (tmp_path / "broken.toml").write_text("[study", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read"):
        read_study(tmp_path / "broken.toml")
    with pytest.raises(InputError, match="cannot be read"):
        read_study(tmp_path)


def test_one_trunk_yields_a_cooled_model_at_every_length(write):
    spec = expand(read_study(write()))[0]
    plan = legs(spec)
    cooled = [leg for leg in plan if leg.schedule == "cooled"]
    trunk = [leg for leg in plan if leg.schedule == "trunk"]
    assert [leg.tokens for leg in cooled] == [512, 1024, 2048]
    assert [leg.tokens for leg in trunk if leg.tokens] == [512, 1024, 2048]
    # The trunk is continuous, and every fork leaves it where a trunk leg ends.
    assert [leg.start for leg in trunk] == [0, *(leg.stop for leg in trunk[:-1])]
    assert {leg.start for leg in cooled} <= {leg.stop for leg in trunk}
    for leg in cooled:
        assert (leg.stop, 4 * leg.start) == (leg.tokens // 64, 3 * leg.stop)


def test_the_trunk_stops_at_the_last_fork_when_it_is_not_evaluated(write):
    path = write(("chunk = 2", "chunk = 2\nevaluate_trunk = false"))
    plan = legs(expand(read_study(path))[0])
    assert [leg.stop for leg in plan if leg.schedule == "trunk"] == [6, 12, 24]


def test_the_rate_warms_up_stays_and_cools_to_zero(write):
    spec = expand(read_study(write()))[0]
    trunk, cooled = legs(spec)[:2]
    training = spec.training
    rates = learning_rates(trunk, training, 0, 6) / training.learning_rate
    np.testing.assert_allclose(rates, [0.5, 1, 1, 1, 1, 1], rtol=1e-6)
    cooling = learning_rates(cooled, training, 6, 8) / training.learning_rate
    np.testing.assert_allclose(cooling, [1, 1 - 0.5**0.5], rtol=1e-6)


def test_reading_a_study_imports_no_jax():
    code = (
        "import sys, bayeslaw.proxy.execution.executor;"
        "sys.exit(any(m in sys.modules for m in ('jax', 'flax', 'orbax', 'pandas')))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
