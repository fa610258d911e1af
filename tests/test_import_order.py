"""Modules that load ArviZ leave numpyro whole, whichever is imported first."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["comparison", "diagnostics"])
def test_numpyro_is_whole_after(module):
    words = (
        f"import bayeslaw.{module}; import numpyro.distributions as distributions; "
        "assert hasattr(distributions, 'distribution')"
    )
    subprocess.run([sys.executable, "-c", words], check=True)
