"""Where the optimal mixture lies, and which mixtures are as good as the recommended."""

from matplotlib.figure import Figure

from bayeslaw.decisions import Decision
from bayeslaw.plots.parallel_mixtures import parallel_mixtures
from bayeslaw.plots.style import styled
from bayeslaw.plots.ternary import ternary


@styled
def simplex_region(decision: Decision) -> Figure:
    """Credible region of the optimal mixture beside the flat region.

    Three families: triangles with draws, densest region, flat region and the compared
    mixtures. More, or two: a line a mixture across one scale a family.

    Args:
      decision: result of `optimal_ratios` for two or more families.
    """
    n_families = len(decision.names)
    if n_families < 2:
        raise ValueError(f"a simplex needs two families or more, got {n_families}")
    return ternary(decision) if n_families == 3 else parallel_mixtures(decision)
