"""What is written for trainers is read back as these trainers read it."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest
import yaml
from helpers import assert_five_parts, small_posterior, write
from hypothesis import given
from hypothesis import strategies as st

from bayeslaw.decisions.optimum import optimal_ratios
from bayeslaw.decisions.recipes import TRAINERS, Source, exact_shares, recipe
from bayeslaw.errors import InputError
from bayeslaw.inference.posterior import save_posterior

FAMILIES = ("germanic", "romance", "slavic")
PATHS = {name: Source(f"gs://bucket/{name}-*.array_record") for name in FAMILIES}
ODD = {"germanic": 'a: "b" # c', "romance": "yes", "slavic": "汉\nx"}


@pytest.fixture(scope="module")
def decision():
    return optimal_ratios(small_posterior(), N=1e9, D=1e10)


def renamed(decision, names):
    """The decision with families of other names."""
    families = [replace(one, name=names[one.name]) for one in decision.families]
    return replace(decision, families=tuple(families))


def weights_of(trainer: str, text: str) -> dict[str, float]:
    """The weights as the trainer finds them."""
    if trainer == "levanter":
        return yaml.safe_load(text)["train_weights"]
    if trainer == "olmix":
        mix = yaml.safe_load(text)["mix"]
        # Every key of the record MixEntry is required and no other is known.
        assert all(
            set(entry) == {"weight", "repetition_factor"} for entry in mix.values()
        )
        return {name: entry["weight"] for name, entry in mix.items()}
    entries = json.loads(text)
    assert all(set(entry) == {"path", "weight"} for entry in entries.values())
    return {name: entry["weight"] for name, entry in entries.items()}


@pytest.mark.parametrize("trainer", TRAINERS)
def test_the_weights_are_the_recommended_ratios(decision, trainer):
    weights = weights_of(trainer, recipe(decision, trainer, PATHS))
    assert weights == pytest.approx(decision.ratios, abs=1e-6)
    assert sum(Decimal(repr(weight)) for weight in weights.values()) == 1


@pytest.mark.parametrize("trainer", TRAINERS)
def test_any_name_of_a_family_survives(decision, trainer):
    odd = renamed(decision, ODD)
    paths = {name: Source(f"dir/{name}") for name in odd.names}
    weights = weights_of(trainer, recipe(odd, trainer, paths))
    assert tuple(weights) == odd.names


@given(
    st.dictionaries(st.text(max_size=3), st.floats(1e-20, 1.0), min_size=1, max_size=30)
)
def test_rounded_shares_sum_to_one_and_none_is_zero(shares):
    rounded = exact_shares(shares)
    assert sum(rounded.values()) == 1
    total = sum(shares.values())
    for name, share in shares.items():
        assert rounded[name] > 0
        assert float(rounded[name]) == pytest.approx(share / total, rel=0.01, abs=1e-6)


def test_a_family_that_is_left_out_stays_out():
    shares = exact_shares({"a": 1 / 3, "b": 0.0, "c": 2 / 3})
    assert shares["b"] == 0
    assert sum(shares.values()) == 1


def test_levanter_has_a_component_for_every_weight(decision):
    data = yaml.safe_load(recipe(decision, "levanter", PATHS))
    assert set(data["train_weights"]) == set(data["components"])
    assert data["components"]["slavic"]["source"] == {
        "type": "url",
        "train_urls": ["gs://bucket/slavic-*.array_record"],
    }
    assert "components" not in yaml.safe_load(recipe(decision, "levanter"))


def test_olmix_allows_the_epochs_that_the_mixture_needs(decision):
    mix = yaml.safe_load(recipe(decision, "olmix"))["mix"]
    assert {entry["repetition_factor"] for entry in mix.values()} == {1.0}
    epochs = {"slavic": 2.31, "romance": 0.2}
    families = [replace(o, epochs=epochs.get(o.name)) for o in decision.families]
    repeated = replace(decision, families=tuple(families))
    mix = yaml.safe_load(recipe(repeated, "olmix", PATHS))["mix"]
    factors = {name: entry["repetition_factor"] for name, entry in mix.items()}
    assert factors == {"germanic": 1.0, "romance": 1.0, "slavic": 2.4}
    data = yaml.safe_load(recipe(repeated, "olmix", PATHS))["data"]
    assert [source["name"] for source in data["sources"]] == list(FAMILIES)
    assert all(len(source["paths"]) == 1 for source in data["sources"])


def test_maxtext_draws_fewer_records_of_a_family_with_long_ones(decision):
    lengths = {"germanic": 500.0, "romance": 1000.0, "slavic": 500.0}
    sources = {name: Source("x", length) for name, length in lengths.items()}
    weights = weights_of("maxtext", recipe(decision, "maxtext", sources))
    tokens = {name: weights[name] * lengths[name] for name in FAMILIES}
    total = sum(tokens.values())
    for name, ratio in decision.ratios.items():
        assert tokens[name] / total == pytest.approx(ratio, rel=1e-4)


@pytest.mark.parametrize("trainer", ["levanter", "olmix"])
def test_comments_say_what_the_mixture_came_from(decision, trainer):
    doubts = replace(decision.doubts, failed_checks=("bulk ESS",))
    failed = replace(decision, doubts=doubts)
    comments = [
        line
        for line in recipe(failed, trainer).splitlines()
        if line.lstrip().startswith("#")
    ]
    assert comments[0].startswith("# FAILED CHECKS: bulk ESS")
    text = " ".join(comments)
    for part in (
        "simulated rows",
        decision.made_from.table_sha256,
        decision.made_from.spec_sha256,
        "1e+09",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("trainer", "sources", "said"),
    [
        ("megatron", None, ["'megatron'", "levanter, maxtext, olmix"]),
        ("maxtext", None, ["option --sources", "germanic, romance, slavic"]),
        ("levanter", {"germanic": Source("x")}, ["do not match", "got:      germanic"]),
        (
            "maxtext",
            PATHS | {"slavic": Source("x", 3.0)},
            ["tokens_per_example", "germanic None"],
        ),
        ("maxtext", dict.fromkeys(FAMILIES, Source("x", 0.0)), ["slavic 0.0"]),
    ],
)
def test_what_a_recipe_lacks_is_said_in_five_parts(decision, trainer, sources, said):
    with pytest.raises(InputError) as caught:
        recipe(decision, trainer, sources)
    assert_five_parts(str(caught.value))
    assert [part for part in said if part not in str(caught.value)] == []


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipes") / "posterior.nc"
    save_posterior(small_posterior(), path)
    return ("ratios", path, "--params", "1e9", "--tokens", "1e10")


def test_the_command_writes_the_recipe_and_says_where(
    tmp_path, bayeslaw_command, words
):
    output = tmp_path / "new" / "mixture.json"
    sources = write(
        tmp_path / "sources.toml",
        'germanic = "a"\nromance = "b"\nslavic = { path = "c" }\n',
    )
    options = ("--recipe", "maxtext", "-o", output, "--sources", sources)
    status, out, err = bayeslaw_command(*words, *options)
    assert (status, err) == (0, "")
    assert f"recipe of maxtext: {output}" in out.replace("\n", "")
    assert json.loads(output.read_text())["slavic"]["path"] == "c"
    status, out, _ = bayeslaw_command(*words, *options, "--json")
    assert json.loads(out)["recipe"] == str(output)


@pytest.mark.parametrize(
    ("options", "content"),
    [
        (("--recipe", "levanter"), None),
        (("-o", "mix.yaml"), None),
        (("--recipe", "levanter", "-o", "mix.yaml", "--sources"), "germanic = 3\n"),
        (
            ("--recipe", "levanter", "-o", "mix.yaml", "--sources"),
            '[germanic]\npath = "a"\ncolour = "red"\n',
        ),
    ],
    ids=["no file", "no trainer", "no path", "unknown key"],
)
def test_half_a_recipe_is_refused_before_anything_is_written(
    tmp_path, monkeypatch, bayeslaw_command, words, options, content
):
    monkeypatch.chdir(tmp_path)
    if content:
        options = (*options, write(tmp_path / "sources.toml", content))
    status, out, err = bayeslaw_command(*words, *options)
    assert (status, out) == (1, "")
    assert_five_parts(err)
    assert not (tmp_path / "mix.yaml").exists()
