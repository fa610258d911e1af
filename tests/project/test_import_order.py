"""ArviZ may be imported before numpyro, of which it leaves a lazy one behind.

`import numpyro` and `from numpyro import` load that whole. A statement such as
`import numpyro.distributions` loads the part once with numpyro and once more, without
its own parts: sampling fails.
"""

import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        "import arviz_base, bayeslaw.inference.density",
        "import bayeslaw.evaluation.comparison",
    ],
)
def test_numpyro_is_whole_after(words):
    words += (
        "; import numpyro.distributions as distributions; "
        "assert hasattr(distributions, 'distribution')"
    )
    subprocess.run([sys.executable, "-c", words], check=True)
