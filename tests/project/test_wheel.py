"""The wheel, installed into an empty environment outside the checkout."""

import os
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHONS = ("3.12", "3.13", "3.14")
# Some of what a fit needs, compiled for one version of Python.
COMPILED = "import jaxlib, numpy, pandas, pydantic_core, scipy"

pytestmark = pytest.mark.slow


@cache
def python_of(version: str) -> str:
    """The Python of a version; tried, since pyenv's name of it may not work."""
    probe = f"import sys; assert '%d.%d' % sys.version_info[:2] == '{version}'"
    for settings in ({}, {"PYENV_VERSION": version}):
        try:
            done = subprocess.run(
                [f"python{version}", "-c", f"{probe}; print(sys.executable)"],
                env=os.environ | settings,
                capture_output=True,
                text=True,
            )
        except FileNotFoundError:
            break
        if done.returncode == 0:
            return done.stdout.strip()
    return pytest.skip(f"no Python {version} on this machine")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    words = ("-m", "hatchling", "build", "-t", "wheel", "-d", folder)
    subprocess.run([sys.executable, *words], cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


class Environment:
    """An environment with the wheel; dependencies come from that of the tests."""

    def __init__(self, python: str, wheel: Path, folder: Path):
        self.folder, self.bin = folder, folder / "venv/bin"
        self.empty = folder / "empty"
        self.empty.mkdir()
        install = [sys.executable, "-m", "uv", "pip", "install", "--quiet"]
        install += ["--offline", "--no-deps", "--python", self.bin / "python", wheel]
        make = [python, "-m", "venv", "--without-pip", folder / "venv"]
        for words in (make, install):
            subprocess.run(words, check=True, capture_output=True)
        # A path file of its own does not read those that it leads to: the checkout,
        # which one of them names, stays out of sight.
        (site,) = folder.glob("venv/lib/python*/site-packages")
        others = [path for path in sys.path if path.endswith("site-packages")]
        (site / "dependencies.pth").write_text("\n".join(others) + "\n")

    def run(self, program: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment in an empty folder."""
        hidden = ("PYTHONPATH", "VIRTUAL_ENV")
        return subprocess.run(
            [self.bin / program, *words],
            cwd=self.empty,
            env={k: v for k, v in os.environ.items() if k not in hidden},
            capture_output=True,
            text=True,
        )

    def out(self, program: str, *words: str) -> str:
        """What a program prints, after its success."""
        done = self.run(program, *words)
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def require_dependencies(environment: Environment) -> None:
    if environment.run("python", "-c", COMPILED).returncode:
        pytest.skip("the environment of the tests is for another version of Python")


@pytest.fixture(scope="module", params=PYTHONS)
def environment(request, wheel, tmp_path_factory) -> Environment:
    python = python_of(request.param)
    return Environment(python, wheel, tmp_path_factory.mktemp(request.param))


def test_the_wheel_holds_every_file_of_the_package_the_models_and_the_study(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    package = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.glob("bayeslaw/**/*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert package - names == set()
    added = {
        f"bayeslaw/model/shipped/{path.name}" for path in ROOT.glob("models/*.toml")
    }
    study = ("README.md", "observations.csv", "study.toml")
    added |= {f"bayeslaw/cli/demo_study/{name}" for name in study}
    rest = {name for name in names - package if ".dist-info/" not in name}
    assert rest == added


def test_the_package_of_the_environment_is_the_one_that_runs(environment):
    found = environment.out(
        "python", "-I", "-c", "import bayeslaw; print(bayeslaw.__file__)"
    )
    assert Path(found.strip()).is_relative_to(environment.folder)


def test_the_help_needs_no_compiled_library(environment):
    assert "\n  demo " in environment.out("bayeslaw", "--help")


def test_the_models_are_listed_and_shown(environment):
    require_dependencies(environment)
    listed = environment.out("bayeslaw", "models")
    assert all(f"{path.stem}: " in listed for path in ROOT.glob("models/*.toml"))
    shown = environment.out("bayeslaw", "models", "token_drift")
    assert shown == (ROOT / "models/token_drift.toml").read_text()


def test_the_demo_and_the_sample_corpus_run_in_an_empty_folder(environment):
    require_dependencies(environment)
    out = environment.out("bayeslaw", "demo")
    assert "$ bayeslaw fit bayeslaw-demo/observations.csv --model token_drift" in out
    report = (environment.empty / "bayeslaw-demo/report.html").read_text()
    assert report.lower().startswith("<!doctype html>")
    environment.out(
        *("bayeslaw", "corpora", "build", "sample:", "-o", "corpus"),
        *("--tokenizer", "bytes"),
    )
