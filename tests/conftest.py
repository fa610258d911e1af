"""Settings of every test; array types are checked by an option in pyproject.toml."""

import os
import sys
from pathlib import Path

import pytest

# Broadcasting a (family,) array against a (run, family) one by accident is the
# likeliest silent mistake here. Read when jax is imported, in subprocesses too.
os.environ["JAX_NUMPY_RANK_PROMOTION"] = "raise"
os.environ["MPLBACKEND"] = "agg"
# Compiling the sampler costs more than sampling a test's few draws: the workers, the
# command lines they start and the next run of the tests share what is compiled.
CACHE = Path(__file__).parents[1] / ".pytest_cache" / "xla"
os.environ["JAX_COMPILATION_CACHE_DIR"] = str(CACHE)
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.2"


@pytest.fixture(scope="session", autouse=True)
def shared_folder(tmp_path_factory, request):
    """A folder that all workers of a session share, for fits that many tests read."""
    folder = tmp_path_factory.getbasetemp()
    is_worker = hasattr(request.config, "workerinput")
    os.environ["TESTS_SHARED"] = str(folder.parent if is_worker else folder)


@pytest.fixture
def bayeslaw_command(monkeypatch, capsys):
    """Runs a command line in this process: (exit status, stdout, stderr)."""
    from bayeslaw.cli import main as cli

    monkeypatch.setenv("COLUMNS", "100")

    def run(*words) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bayeslaw", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        out, err = capsys.readouterr()
        return left.value.code, out, err

    return run
