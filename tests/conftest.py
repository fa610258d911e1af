"""Settings of every test; array types are checked by an option in pyproject.toml."""

import os

# Broadcasting a (family,) array against a (run, family) one by accident is the
# likeliest silent mistake here. Read when jax is imported, in subprocesses too.
os.environ["JAX_NUMPY_RANK_PROMOTION"] = "raise"
os.environ["MPLBACKEND"] = "agg"
