"""Weights from a table of speakers."""

import pytest
from helpers import assert_five_parts, write

from bayeslaw.data.speakers import read_speakers
from bayeslaw.errors import InputError

FAMILIES = ("germanic", "romance", "slavic")
BY_LANGUAGE = """language,family,speakers,source
German,germanic,1.3e8,a
English,germanic,1.5e9,b
Spanish,romance,6e8,a
Polish,slavic,4.5e7,a
Czech,slavic,0,c
"""


def refused(tmp_path, content: str) -> str:
    with pytest.raises(InputError) as caught:
        read_speakers(write(tmp_path / "speakers.csv", content), FAMILIES)
    assert_five_parts(str(caught.value))
    return str(caught.value)


def test_languages_are_summed_by_family_in_the_posteriors_order(tmp_path):
    speakers = read_speakers(write(tmp_path / "s.csv", BY_LANGUAGE), FAMILIES)
    assert list(speakers.items()) == [
        ("germanic", 1.63e9),
        ("romance", 6e8),
        ("slavic", 4.5e7),
    ]


def test_rows_without_languages_are_summed_too(tmp_path):
    table = "speakers,family\n1,slavic\n2,germanic\n3,romance\n4,slavic\n"
    speakers = read_speakers(write(tmp_path / "s.csv", table), FAMILIES)
    assert speakers == {"germanic": 2, "romance": 3, "slavic": 5}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "Polish,slavic",
            "Polish,slavc",
            ["row 5", "`slavc`", "did you mean `slavic`"],
        ),
        ("Spanish,romance", "Spanish,uralic", ["row 4", "no row of `romance`"]),
        ("4.5e7", "45 million", ["column `speakers`, row 5", "`45 million`"]),
        ("1.3e8", "-3", ["row 2", "`-3`"]),
        ("6e8", "inf", ["row 4", "`inf`"]),
        ("Czech", "Polish", ["column `language`, row 6", "`Polish` (slavic)"]),
        ("4.5e7", "0", ["no speakers", "`slavic` 0"]),
        ("speakers", "people", ["row 1", "add the column `speakers`"]),
        ("family", "branch", ["add the column `family`"]),
    ],
)
def test_a_wrong_cell_is_named_with_its_row(tmp_path, old, new, said):
    message = refused(tmp_path, BY_LANGUAGE.replace(old, new, 1))
    assert [part for part in said if part not in message] == []


def test_all_problems_are_said_at_once(tmp_path):
    content = BY_LANGUAGE.replace("Polish,slavic", "Polish,baltic").replace("6e8", "?")
    message = refused(tmp_path, content)
    assert "`baltic`" in message
    assert "`?`" in message
