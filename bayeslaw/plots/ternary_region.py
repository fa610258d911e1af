"""The region of the optimal mixture, and mixtures as good as the recommended one."""

from matplotlib.figure import Figure

from bayeslaw.decisions import Decision
from bayeslaw.plots.parallel_mixtures import parallel_mixtures
from bayeslaw.plots.style import styled
from bayeslaw.plots.ternary import ternary


@styled
def simplex_region(decision: Decision) -> Figure:
    """Draw the credible region of the optimal mixture and the flat region.

    Three families: triangles with draws, densest region, flat region and compared
    mixtures. Other numbers: one line per mixture across one scale per family.

    Args:
      decision: result of `optimal_ratios` for two or more families.
    """
    n_families = len(decision.names)
    if n_families < 2:
        raise ValueError(f"a simplex needs two families or more, got {n_families}")
    return ternary(decision) if n_families == 3 else parallel_mixtures(decision)
