"""Figures of the report as images, each with what it says in words."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from bayeslaw import plots
from bayeslaw.checks import MIN_ESS, prior_predictive_of
from bayeslaw.decisions import Decision, FamilyRatio
from bayeslaw.inference import Fitted
from bayeslaw.reports.report_numbers import between, ratio
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


def curve_pictures(fitted: Fitted, decision: Decision) -> Iterator[Picture]:
    """The law over the data, some families an image."""
    families = decision.names
    for start in range(0, len(families), FAMILIES_PER_FIGURE):
        shown = families[start : start + FAMILIES_PER_FIGURE]
        figure = plots.law_curves(
            fitted,
            families=shown,
            target={"N": decision.target.N, "D": decision.target.D},
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

    def sentence(one: FamilyRatio) -> str:
        interval = between(ratio(one.lower), ratio(one.upper))
        flat = between(ratio(one.flat_lower), ratio(one.flat_upper))
        return f"{one.name} {ratio(one.ratio)}, interval {interval}, flat {flat}"

    return picture(
        plots.ratio_intervals(decision, tried),
        "Recommended sampling ratios: " + "; ".join(map(sentence, decision.families)),
    )


def region_picture(decision: Decision) -> Picture:
    """Where the optimal mixture lies, and which mixtures are as good."""
    return picture(
        plots.simplex_region(decision),
        f"Densest region of the optimal mixture at {decision.probability:.0%}, the "
        f"region in which every mixture costs < {decision.flat.tolerance:.1%} of the "
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
    fitted: Fitted, sizes: dict[str, xr.Dataset], families: tuple[str, ...]
) -> tuple[Picture, Picture]:
    """Rank traces of the worst-mixing quantities, effective sizes of all."""
    worst = _worst_mixing(fitted, sizes["bulk"])
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


def _worst_mixing(fitted: Fitted, sizes: xr.Dataset) -> dict[str, xr.DataArray]:
    """Quantities the chains move, one number a draw, lowest effective size first."""
    draws = fitted.posterior
    law = fitted.law
    found: list[tuple[float, str, xr.DataArray]] = []
    for name in map(str, sizes.data_vars):
        if name in law.parameters or "run" in draws[name].dims:
            continue
        for index in np.ndindex(sizes[name].shape):
            at = dict(zip(sizes[name].dims, index, strict=True))
            labels = [str(draws[name][axis].values[i]) for axis, i in at.items()]
            label = f"{name}[{', '.join(labels)}]" if labels else name
            part = draws[name].isel(at, drop=True)
            found.append((float(sizes[name].values[index]), label, part))
    found.sort(key=lambda entry: entry[0])
    return {name: part for _, name, part in found[:N_RANK_PLOTS]}


def predictive_pictures(fitted: Fitted) -> tuple[Picture, Picture]:
    """Uniformity of predictive probabilities, residuals."""
    return (
        picture(
            plots.pit_difference(fitted),
            "Difference between the distribution of predictive probabilities and the "
            "uniform one, with a simultaneous band.",
        ),
        picture(
            plots.predictive_residuals(fitted),
            "Observed minus predicted loss of every row, in percent, with intervals of "
            "replicated rows.",
        ),
    )


def prior_predictive_picture(fitted: Fitted) -> Picture:
    """What the priors alone expected of the fitted rows."""
    return picture(
        plots.prior_predictive_bands(prior_predictive_of(fitted)),
        "Observed losses of each family against model size, over the bands in which "
        "the priors expected them.",
    )


def prior_pictures(fitted: Fitted) -> Iterator[Picture]:
    """Prior against posterior: parameters of the law, then shared quantities."""
    draws = fitted.posterior
    units = parameter_units(fitted.unit)
    names = fitted.law.parameters
    yield picture(
        plots.parameter_densities(
            fitted,
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
            plots.scalar_densities(fitted, scalars),
            "Prior and posterior densities of " + ", ".join(scalars),
        )
