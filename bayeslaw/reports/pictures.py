"""Figures of the report as images, each with what it says in words."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass

import xarray as xr
from matplotlib.figure import Figure

from bayeslaw import plots
from bayeslaw.checks import MIN_ESS, prior_predictive_of
from bayeslaw.decisions import Decision
from bayeslaw.inference import provenance, spec_of
from bayeslaw.reports.numbers import between, ratio
from bayeslaw.reports.report_tables import Ranges, parameter_units

FAMILIES_PER_FIGURE = 6
N_RANK_PLOTS = 8


@dataclass(frozen=True)
class Picture:
    """An image in the page.

    Attributes:
      source: the image itself, as a data URI.
      alt: what it shows, for readers who do not see it.
    """

    source: str
    alt: str


def picture(figure: Figure, alt: str) -> Picture:
    """A figure as an image of the page."""
    # An image of its own, not inline SVG: ids of two figures cannot clash.
    encoded = base64.b64encode(plots.to_svg(figure).encode()).decode()
    return Picture(f"data:image/svg+xml;base64,{encoded}", alt)


def curve_pictures(posterior: xr.DataTree, decision: Decision) -> Iterator[Picture]:
    """The law over the data, some families an image."""
    families = decision.families
    for start in range(0, len(families), FAMILIES_PER_FIGURE):
        shown = families[start : start + FAMILIES_PER_FIGURE]
        figure = plots.law_curves(
            posterior,
            families=shown,
            target={"N": decision.N, "D": decision.D},
            ratios=decision.ratios,
            probability=decision.probability,
        )
        names = ", ".join(shown)
        yield picture(
            figure,
            "Loss against model size, training tokens and sampling ratio: curves "
            f"with their intervals, and the observations, of {names}.",
        )


def ratio_picture(decision: Decision, tried: Ranges) -> Picture:
    """Recommended ratios, intervals, flat ranges."""

    def sentence(name: str) -> str:
        ends = (
            (decision.lower, decision.upper),
            (decision.flat_lower, decision.flat_upper),
        )
        interval, flat = (between(ratio(a[name]), ratio(b[name])) for a, b in ends)
        return (
            f"{name} {ratio(decision.ratios[name])}, interval {interval}, flat {flat}"
        )

    return picture(
        plots.ratio_intervals(decision, tried),
        "Recommended sampling ratios: " + "; ".join(map(sentence, decision.families)),
    )


def region_picture(decision: Decision) -> Picture:
    """Where the optimal mixture lies, and which mixtures are as good."""
    return picture(
        plots.simplex_region(decision),
        f"Densest region of the optimal mixture at {decision.probability:.0%}, the "
        f"region in which every mixture costs < {decision.flat_tolerance:.1%} of the "
        "loss, and the compared mixtures.",
    )


def simplex_picture(decision: Decision) -> Picture:
    """Draws of the optimal mixture."""
    return picture(
        plots.simplex_pairs(decision),
        "Optimal mixtures of the posterior draws around the recommended one, by pairs "
        "of families.",
    )


def sampler_pictures(
    posterior: xr.DataTree, sizes: dict[str, xr.Dataset], families: tuple[str, ...]
) -> tuple[Picture, Picture]:
    """Rank traces of the worst-mixing quantities, effective sizes of all."""
    worst = _worst_mixing(posterior, sizes["bulk"])
    return (
        picture(
            plots.rank_traces(worst),
            "Fractional-rank lines of the chains: " + ", ".join(worst),
        ),
        picture(
            plots.effective_sizes(sizes, MIN_ESS, families),
            "Bulk and tail effective sample size of every quantity.",
        ),
    )


def _worst_mixing(posterior: xr.DataTree, sizes: xr.Dataset) -> dict[str, xr.DataArray]:
    """Quantities the chains move, one number a draw, lowest effective size first."""
    draws = posterior["posterior"].dataset
    law = spec_of(posterior).law_record
    found: list[tuple[float, str, xr.DataArray]] = []
    for name in map(str, sizes.data_vars):
        if name in law.parameters or "run" in draws[name].dims:
            continue
        if "family" not in draws[name].dims:
            found.append((float(sizes[name]), name, draws[name]))
            continue
        for i, family in enumerate(draws["family"].values):
            part = draws[name].isel(family=i, drop=True)
            found.append((float(sizes[name][i]), f"{name}[{family}]", part))
    found.sort(key=lambda entry: entry[0])
    return {name: part for _, name, part in found[:N_RANK_PLOTS]}


def predictive_pictures(posterior: xr.DataTree) -> tuple[Picture, Picture]:
    """Uniformity of predictive probabilities, residuals."""
    return (
        picture(
            plots.pit_difference(posterior),
            "Difference between the distribution of predictive probabilities and the "
            "uniform one, with a simultaneous band.",
        ),
        picture(
            plots.predictive_residuals(posterior),
            "Observed minus predicted loss of every row, in percent, with intervals of "
            "replicated rows.",
        ),
    )


def prior_predictive_picture(posterior: xr.DataTree) -> Picture:
    """What the priors alone expected of the fitted rows."""
    return picture(
        plots.prior_predictive_bands(prior_predictive_of(posterior)),
        "Observed losses of each family against model size, over the bands in which "
        "the priors expected them.",
    )


def prior_pictures(posterior: xr.DataTree) -> Iterator[Picture]:
    """Prior against posterior: parameters of the law, then shared quantities."""
    draws = posterior["posterior"].dataset
    units = parameter_units(", ".join(provenance(posterior)["unit"]))
    names = spec_of(posterior).law_record.parameters
    yield picture(
        plots.parameter_densities(
            posterior,
            {
                name: f"{name} [{units[name]}]" if name in units else name
                for name in names
            },
        ),
        "Prior and posterior densities of the law's parameters, one curve a family.",
    )
    scalars = [str(name) for name in draws.data_vars if draws[name].ndim == 2]
    if scalars:
        yield picture(
            plots.scalar_densities(posterior, scalars),
            "Prior and posterior densities of " + ", ".join(scalars),
        )
