"""Prior and posterior densities: what the data add to the prior."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.stats import gaussian_kde

from bayeslaw.inference import Fitted, Posterior
from bayeslaw.plots.panels import log_axis, panel_grid, round_values, spaced
from bayeslaw.plots.style import (
    INK,
    MUTED,
    family_colours,
    styled,
)

COLUMNS = 4
MAX_DRAWS = 1000
GRID_POINTS = 80
# Densities are drawn between these quantiles.
VIEW = (0.002, 0.998)
LABELS_PER_PANEL = 4


@styled
def parameter_densities(posterior: Posterior, labels: Mapping[str, str]) -> Figure:
    """Draw prior and posterior density of the law's parameters, one curve per family.

    Args:
      posterior: result of `fit`.
      labels: titles of positive parameters with a value for each family, by name.
    """
    fitted = Fitted.of(posterior)
    families = fitted.families
    colours = family_colours(families)
    figure, panels, _ = panel_grid(len(labels), height=1.4, n_columns=3)
    for axes, (name, label) in zip(panels, labels.items(), strict=True):
        curves = {
            family: fitted.posterior[name].values[..., i].ravel()
            for i, family in enumerate(families)
        }
        prior = fitted.tree["prior"].dataset[name].values.ravel()
        _draw_densities(axes, prior, curves, colours)
        axes.set_title(label)
    handles = [
        Line2D([], [], color=colour, label=family) for family, colour in colours.items()
    ]
    _finish(figure, handles)
    return figure


@styled
def scalar_densities(posterior: Posterior, names: Sequence[str]) -> Figure:
    """Draw prior and posterior density of quantities shared by all families.

    Args:
      posterior: result of `fit`.
      names: quantities without a value for each family.
    """
    tree = Fitted.of(posterior).tree
    draws, prior = tree["posterior"].dataset, tree["prior"].dataset
    figure, panels, _ = panel_grid(len(names), height=1.3, n_columns=COLUMNS)
    for axes, name in zip(panels, names, strict=True):
        curves = {"posterior": draws[name].values.ravel()}
        _draw_densities(axes, prior[name].values.ravel(), curves, {"posterior": INK})
        axes.set_title(name)
    _finish(figure, [Line2D([], [], color=INK, label="posterior")])
    return figure


def _draw_densities(
    axes: Axes,
    prior: np.ndarray,
    curves: dict[str, np.ndarray],
    colours: dict[str, str],
) -> None:
    """Densities on a log axis where all draws are positive, else on a plain one."""
    is_log = all((draws > 0).all() for draws in (prior, *curves.values()))
    to_axis = np.log if is_log else np.asarray
    x, height = _density(to_axis(prior))
    low, high = x[0], x[-1]
    axes.fill_between(
        np.exp(x) if is_log else x, height, color=MUTED, alpha=0.25, linewidth=0
    )
    for name, draws in curves.items():
        x, height = _density(to_axis(draws))
        low, high = min(low, x[0]), max(high, x[-1])
        axes.plot(
            np.exp(x) if is_log else x, height, color=colours[name], linewidth=1.3
        )
    if is_log:
        low, high = np.exp(low), np.exp(high)
        ticks = [m * 10.0**k for m in (1, 3, 2, 5) for k in range(-8, 12)]
        log_axis(axes, "x", spaced(ticks, low, high, LABELS_PER_PANEL))
    else:
        axes.set_xticks(round_values(low, high, LABELS_PER_PANEL - 1))
    axes.set_xlim(low, high)
    axes.set_ylim(0, 1.08)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


def _density(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Density between two quantiles, scaled to height 1."""
    thinned = draws[:: max(1, len(draws) // MAX_DRAWS)]
    low, high = np.quantile(thinned, VIEW)
    if low == high:
        return np.array([low, low]), np.array([0.0, 1.0])
    grid = np.linspace(low, high, GRID_POINTS)
    height = gaussian_kde(thinned)(grid)
    return grid, height / height.max()


def _finish(figure: Figure, handles: list[Line2D]) -> None:
    figure.supylabel("density, each scaled to the same height", fontsize=9)
    prior = Line2D([], [], color=MUTED, alpha=0.4, linewidth=6, label="prior")
    figure.legend(
        handles=[prior, *handles],
        loc="outside lower center",
        ncols=min(7, 1 + len(handles)),
    )
