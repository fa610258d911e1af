"""Studies that grow: their sizes, and files with further runs."""

import pytest
from proxy_studies import write_study

from bayeslaw.errors import InputError
from bayeslaw.proxy.execution.growth import AddedRun, add_runs, sizes_of, tokens_of
from bayeslaw.proxy.study.config import Proxy
from bayeslaw.proxy.study.study_file import expand, read_study


def test_sizes_are_those_of_the_table(tmp_path):
    study = read_study(write_study(tmp_path))
    wide = study.model_copy(update={"proxies": {"s5": Proxy(depth=5)}})
    # The largest proxy of the shipped study, as its rows have it.
    assert sizes_of(wide) == {"s5": 388080}
    assert tokens_of(study) == (512, 1024)


def test_added_runs_leave_those_before_as_they_were(tmp_path):
    path = write_study(tmp_path)
    before = expand(read_study(path))
    runs = [
        AddedRun("a", {"germanic": 0.25, "indic": 0.75}, (512,), 0),
        AddedRun("a", {"germanic": 0.5, "indic": 0.5}, (512, 1024), 1),
        AddedRun("a", {"germanic": 0.25, "indic": 0.75}, (1024,), 1),
    ]
    add_runs(path, runs, path, why="chosen by hand")
    after = expand(read_study(path))
    assert [run.hash for run in after[: len(before)]] == [run.hash for run in before]
    new = after[len(before) :]
    assert [(run.run, run.tokens) for run in new] == [
        ("a-next1-seed0", (512,)),
        ("a-even-seed1", (512, 1024)),
        ("a-next1-seed1", (1024,)),
    ]
    assert new[0].mixture == {"germanic": 0.25, "indic": 0.75}
    assert "# chosen by hand" in path.read_text()


def test_a_run_that_was_asked_for_gets_another_seed(tmp_path):
    path = write_study(tmp_path)
    add_runs(path, [AddedRun("a", {"germanic": 0.5, "indic": 0.5}, (2048,), 0)], path)
    assert [run.run for run in expand(read_study(path))] == [
        "a-even-seed0",
        "a-even-seed1",
    ]


def test_a_study_that_would_be_wrong_is_not_written(tmp_path):
    path = write_study(tmp_path)
    text = path.read_text()
    with pytest.raises(InputError):
        add_runs(path, [AddedRun("a", {"germanic": 0.5}, (512,), 0)], path)
    assert path.read_text() == text
    assert [found.name for found in tmp_path.iterdir()] == ["study.toml"]
