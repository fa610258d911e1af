"""Settings of every test; array types are checked by an option in pyproject.toml."""

import os
from pathlib import Path

# Broadcasting a (family,) array against a (run, family) one by accident is the
# likeliest silent mistake here. Read when jax is imported, in subprocesses too.
os.environ["JAX_NUMPY_RANK_PROMOTION"] = "raise"
os.environ["MPLBACKEND"] = "agg"
# Compiling the sampler costs more than sampling a test's few draws: the workers, the
# command lines they start and the next run of the tests share what is compiled.
CACHE = Path(__file__).parents[1] / ".pytest_cache" / "xla"
os.environ["JAX_COMPILATION_CACHE_DIR"] = str(CACHE)
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.2"
