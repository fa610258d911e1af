"""Model specs: what is read, and what each wrong file says."""

from pathlib import Path

import pytest

from bayeslaw.errors import InputError
from bayeslaw.laws.group_prior import GroupPrior
from bayeslaw.model.model_files import model_description, shipped_models
from bayeslaw.model.spec import ModelSpec, parse_spec, read_spec

MODELS = sorted(Path("models").glob("*.toml"))
SMALLEST = {"name": "x", "law": "family_loss"}
FILE = 'law = "family_loss"\n'


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_every_shipped_model_is_read_and_named_after_its_file(path):
    assert read_spec(path).name == path.stem
    assert read_spec(path.stem) == read_spec(path)
    assert path.stem in shipped_models()
    assert model_description(path).endswith(".")


def test_a_spec_in_the_place_of_a_file_stays_as_it_is():
    spec = parse_spec(SMALLEST, "here")
    assert read_spec(spec) is spec


def test_a_file_wins_over_a_shipped_model_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("token_drift").mkdir()
    assert read_spec("token_drift").name == "token_drift"
    Path("default").write_text('law = "chinchilla"\n')
    assert read_spec("default").law == "chinchilla"


def test_the_stem_of_a_file_is_its_name_unless_it_states_one(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(FILE)
    assert read_spec(path).name == "mine"
    path.write_text('name = "other"\n' + FILE)
    assert read_spec(str(path)).name == "other"


def test_an_unknown_name_lists_the_shipped_models_and_the_nearest(tmp_path):
    with pytest.raises(InputError) as caught:
        read_spec("tokendrift")
    assert "no such file, and no shipped model" in caught.value.got
    assert all(name in caught.value.wanted for name in shipped_models())
    assert caught.value.fix == "did you mean token_drift?"
    with pytest.raises(InputError, match=r"did you mean default\?"):
        read_spec(tmp_path / "default.toml")


def test_rows_have_their_former_name_in_older_files_and_posteriors(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(FILE + '[rows]\nschedule = "any"\n')
    spec = read_spec(path)
    assert (spec.rows.schedule, spec.notes) == ("any", ())
    path.write_text(FILE + '[selection]\nschedule = "any"\n')
    old = read_spec(path)
    assert old.sha256 == spec.sha256
    assert old.notes == (
        f"{path}: the section [selection] is now called [rows]; rename it",
    )
    record = spec.model_dump()
    record["selection"] = record.pop("rows")
    assert ModelSpec.model_validate(record) == spec
    with pytest.raises(InputError, match="rows are selected twice"):
        parse_spec(SMALLEST | {"rows": {}, "selection": {}}, "here")


def test_pooling_of_a_coordinate_falls_back_to_the_default():
    pooling = {"default": "none", "log_gamma": "complete"}
    spec = parse_spec(SMALLEST | {"pooling": pooling}, "here")
    assert spec.pooling_of("log_gamma") == "complete"
    assert spec.pooling_of("level") == "none"
    assert parse_spec(SMALLEST, "here").pooling_of("level") == "partial"


def test_a_prior_in_the_spec_replaces_the_laws():
    prior = {"loc": -2.0, "scale": 0.1, "spread": 0.2}
    spec = parse_spec(SMALLEST | {"priors": {"log_gamma": prior}}, "here")
    assert spec.prior_of("log_gamma") == GroupPrior(**prior)
    assert spec.prior_of("level") == spec.law_record.coordinates["level"].prior


def test_the_hash_changes_with_the_content_only():
    spec = parse_spec(SMALLEST, "here")
    assert spec.sha256 == parse_spec(SMALLEST, "elsewhere").sha256
    changed = parse_spec(SMALLEST | {"noise": {"likelihood": "normal"}}, "here")
    assert changed.sha256 != spec.sha256


def test_extensions_are_on_where_the_spec_or_else_their_default_says_so():
    def used(**extensions):
        spec = parse_spec(SMALLEST | {"extensions": extensions}, "here")
        return [part.name for part in spec.law_record.extensions]

    assert used() == ["drift"]
    assert used(drift=False) == []
    assert used(repetition=True, transfer=True) == ["drift", "transfer", "repetition"]
    assert parse_spec(SMALLEST | {"law": "chinchilla"}, "x").law_record.extensions == ()


def test_an_extension_brings_coordinates_that_sections_may_name():
    prior = {"loc": 0.1, "scale": 0.02, "spread": 0.1}
    sections = {"pooling": {"drift": "complete"}, "priors": {"drift": prior}}
    spec = parse_spec(SMALLEST | sections, "here")
    assert spec.prior_of("drift") == GroupPrior(**prior)
    assert spec.pooling_of("drift") == "complete"
    without = SMALLEST | {"extensions": {"drift": False}}
    for section in sections:
        with pytest.raises(InputError, match="unknown name"):
            parse_spec(without | {section: sections[section]}, "here")


def test_an_extension_changes_the_hash():
    hashes = {
        parse_spec(SMALLEST | {"extensions": {"drift": is_on}}, "x").sha256
        for is_on in (True, False)
    }
    assert len(hashes) == 2


def test_a_trunk_offset_is_fitted_to_trunk_and_cooled_rows_together():
    wanted = SMALLEST | {"extensions": {"trunk_offset": True}}
    for schedule in ("cooled", "trunk"):
        with pytest.raises(InputError, match="trunk_offset without") as refused:
            parse_spec(wanted | {"rows": {"schedule": schedule}}, "x.toml")
        assert refused.value.got == repr(schedule)
        assert 'schedule = "any"' in refused.value.fix
    spec = parse_spec(wanted | {"rows": {"schedule": "any"}}, "x.toml")
    assert "trunk_slope" in spec.law_record.coordinates


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"name": "x"}, ["key law", "Field required"]),
        (SMALLEST | {"rows": {"schedule": "hot"}}, ["key rows", "schedule", "'hot'"]),
        (SMALLEST | {"lwa": 1}, ["key lwa", "Extra inputs"]),
        (SMALLEST | {"law": "famly_loss"}, ["famly_loss", "did you mean family_loss"]),
        (
            SMALLEST | {"pooling": {"gamma": "partial"}},
            ["[pooling]", "gamma", "did you mean log_gamma"],
        ),
        (
            SMALLEST | {"extensions": {"drfit": True}},
            ["[extensions]", "drfit", "did you mean drift", "trunk_offset"],
        ),
        (
            {"name": "x", "law": "chinchilla", "extensions": {"transfer": True}},
            ["[extensions]", "transfer", "one of repetition, trunk_offset"],
        ),
        (SMALLEST | {"extensions": {"drift": "much"}}, ["extensions.drift", "'much'"]),
        (SMALLEST | {"pooling": {"level": "half"}}, ["key pooling.level", "'half'"]),
        (
            SMALLEST | {"priors": {"level": {"loc": 0, "scale": -1, "spread": 1}}},
            ["key priors.level.scale", "-1", "greater than 0"],
        ),
        (
            SMALLEST | {"noise": {"likelihood": "cauchy"}},
            ["key noise.likelihood", "cauchy", "student_t"],
        ),
    ],
)
def test_a_wrong_entry_is_named_with_what_was_wanted(content, said):
    with pytest.raises(InputError) as caught:
        parse_spec(content, "spec.toml")
    for part in [*said, "spec.toml", "expected", "fix"]:
        assert part in str(caught.value)


def test_a_missing_file_and_broken_toml_are_user_errors(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_spec(tmp_path / "none.toml")
    with pytest.raises(InputError, match="cannot be read"):
        read_spec(tmp_path)
    broken = tmp_path / "broken.toml"
    broken.write_text("name = \n")
    with pytest.raises(InputError, match=r"not TOML[\s\S]*line 1"):
        read_spec(broken)


def test_impossible_priors_are_refused():
    with pytest.raises(ValueError, match="scale > 0"):
        GroupPrior(0.0, 0.0, 1.0)
