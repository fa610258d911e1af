"""What needs a library of an extra says so at once, and names the extra."""

import sys

import pytest
from debian_packages import deb_bytes
from helpers import assert_five_parts
from proxy_studies import write_study

from bayeslaw.corpora.debian.package_file import package_members
from bayeslaw.corpora.text_files import read_documents
from bayeslaw.data.losses import read_runs, write_runs
from bayeslaw.errors import InputError, require_extra
from bayeslaw.proxy.execution import train_study

SHIPPED = "runs/sample-families/observations.csv"
TRANSLATION = '[translation]\ntasks = ["en-de"]\npairs = [10]\n'


@pytest.fixture
def without(monkeypatch):
    """Hides a library from `import`."""
    return lambda module: monkeypatch.setitem(sys.modules, module, None)


def refused(use, extra: str) -> InputError:
    with pytest.raises(InputError) as caught:
        use()
    assert caught.value.fix == f'pip install "bayeslaw[{extra}]"'
    assert_five_parts(str(caught.value))
    return caught.value


def test_a_library_that_is_there_is_no_error():
    require_extra("json", "parquet", "nothing")


def test_parquet_tables_need_the_extra_parquet(tmp_path, without):
    without("pyarrow")
    path = tmp_path / "table.parquet"
    path.write_bytes(b"PAR1 and more")
    assert refused(lambda: read_runs(path), "parquet").where == str(path)
    table = read_runs(SHIPPED)
    refused(lambda: write_runs(table, tmp_path / "new.parquet"), "parquet")
    assert not (tmp_path / "new.parquet").exists()


def test_parquet_text_and_zstd_packages_need_the_extra_parquet(tmp_path, without):
    without("pyarrow")
    (tmp_path / "de.parquet").write_bytes(b"PAR1")
    refused(lambda: read_documents(tmp_path / "de.parquet", "de"), "parquet")
    package = tmp_path / "x.deb"
    content = deb_bytes({"a": b"text"}, ".gz")
    package.write_bytes(content.replace(b"data.tar.gz ", b"data.tar.zst"))
    refused(lambda: list(package_members(package, lambda _: True)), "parquet")


def test_a_study_of_translation_needs_the_extra_scores_before_it_trains(
    tmp_path, without
):
    without("sacrebleu")
    path = write_study(tmp_path / "study")
    path.write_text(path.read_text() + TRANSLATION)
    refused(lambda: train_study(path, progress=False), "scores")
    assert not list((tmp_path / "study/out/runs").iterdir())
