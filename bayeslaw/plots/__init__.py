"""Figures of the report: matplotlib `Figure` objects, one family one colour."""

from bayeslaw.plots.breaking import break_curves
from bayeslaw.plots.chains import effective_sizes, rank_traces
from bayeslaw.plots.law_curves import law_curves
from bayeslaw.plots.predictive_panels import pit_difference, predictive_residuals
from bayeslaw.plots.prior_bands import prior_predictive_bands
from bayeslaw.plots.prior_posterior import parameter_densities, scalar_densities
from bayeslaw.plots.ratio_intervals import ratio_intervals
from bayeslaw.plots.simplex_pairs import simplex_pairs
from bayeslaw.plots.simplex_region import simplex_region
from bayeslaw.plots.style import family_colours, save_figure, to_svg

__all__ = [
    "break_curves",
    "effective_sizes",
    "family_colours",
    "law_curves",
    "parameter_densities",
    "pit_difference",
    "predictive_residuals",
    "prior_predictive_bands",
    "rank_traces",
    "ratio_intervals",
    "save_figure",
    "scalar_densities",
    "simplex_pairs",
    "simplex_region",
    "to_svg",
]
