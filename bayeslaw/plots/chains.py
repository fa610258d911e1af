"""Whether the chains agree, and how many independent draws they are worth."""

import sys
from collections.abc import Hashable, Mapping, Sequence

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayeslaw.plots.panels import log_axis, spaced
from bayeslaw.plots.style import (
    INK,
    MUTED,
    WIDTH,
    family_colours,
    styled,
)

COLUMNS = 4
RANK_PROBABILITY = 0.99
# Greys: the colours of families mean families.
CHAIN_COLOURS = ["#111111", "#666666", "#999999", "#c4c4c4"]
ALARM = "#cc0000"
# A line has a point a draw; a page shows a tenth of that.
MAX_LINE_POINTS = 200


@styled
def rank_traces(draws: Mapping[str, xr.DataArray]) -> Figure:
    """Draw fractional-rank plots of each quantity, one line per chain.

    Lines that stay near zero mean that every chain visits low and high values equally
    often. Points mark where the chains differ more than chance allows.

    Args:
      draws: quantities by name, with dimensions chain and draw only.

    Source: Säilynoja et al. 2022, doi 10.1007/s11222-022-10090-6.
    """
    _use_agg()
    import arviz_plots
    from arviz_base.labels import MapLabeller
    from matplotlib import pyplot

    # Names come from users, and a DataTree takes no slash in a variable's name.
    names: dict[Hashable, Hashable] = {f"q{i}": name for i, name in enumerate(draws)}
    quantities = xr.Dataset(dict(zip(names, draws.values(), strict=True)))
    n_rows = -(-len(names) // COLUMNS)
    collection = arviz_plots.plot_rank(
        xr.DataTree.from_dict({"posterior": quantities}),
        backend="matplotlib",
        envelope_prob=RANK_PROBABILITY,
        col_wrap=COLUMNS,
        labeller=MapLabeller(var_name_map=names),
        visuals={"xlabel": False},
        figure_kwargs={"figsize": (WIDTH, 0.4 + 1.3 * n_rows)},
        color=CHAIN_COLOURS,
    )
    figure: Figure = collection.viz["figure"].item()
    figure.supxlabel("fractional rank of a chain's draws among all draws", fontsize=9)
    figure.supylabel("share of the chain below − expected", fontsize=9)
    for axes in figure.axes:
        _restyle(axes)
    pyplot.close(figure)
    return figure


def _restyle(axes: Axes) -> None:
    """What `plot_rank` has no argument for."""
    for line in axes.lines:
        x, y = (np.asarray(values) for values in line.get_data())
        every = max(1, len(x) // MAX_LINE_POINTS)
        line.set(data=(x[::every], y[::every]), linewidth=1.1)
    for points in axes.collections:
        points.set(color=ALARM, sizes=[6.0])
    for text in axes.texts:
        text.set(color=MUTED, fontsize=8)


def _use_agg() -> None:
    """Keep pyplot, which ArviZ draws with, from opening windows.

    A caller who has imported pyplot has chosen a backend; that choice stays.
    """
    if "matplotlib.pyplot" not in sys.modules:
        matplotlib.use("agg")


@styled
def effective_sizes(
    sizes: dict[str, xr.Dataset], limit: float, families: Sequence[str]
) -> Figure:
    """Draw the effective sample size of every quantity against its limit.

    Args:
      sizes: effective sample sizes by method ("bulk", "tail").
      limit: smallest acceptable size.
      families: all families, for their colours.
    """
    names = [str(name) for name in next(iter(sizes.values())).data_vars]
    colours = family_colours(families)
    figure = Figure(figsize=(WIDTH, 0.9 + 0.17 * len(names)))
    panels = figure.subplots(1, len(sizes), sharey=True, sharex=True, squeeze=False)[0]
    for axes, (method, values) in zip(panels, sizes.items(), strict=True):
        for row, name in enumerate(names):
            array = values[name]
            tones = (
                [
                    colours[str(key)]
                    for key in array["family"].broadcast_like(array).values.ravel()
                ]
                if "family" in array.dims
                else [MUTED if "run" in array.dims else INK] * array.size
            )
            axes.scatter(array.values.ravel(), [row] * array.size, s=9, c=tones)
        axes.axvline(limit, color=INK, linestyle="dashed", linewidth=1.0)
        axes.set_xlabel(f"{method} effective sample size")
    everything = np.concatenate(
        [array.values.ravel() for values in sizes.values() for array in values.values()]
    )
    low, high = min(np.nanmin(everything), limit) / 1.4, np.nanmax(everything) * 1.2
    panels[0].set_xlim(low, high)
    ticks = [m * 10.0**k for m in (1, 2, 5) for k in range(6)]
    for axes in panels:
        log_axis(axes, "x", spaced([limit, *ticks], low, high, 7))
    panels[0].set_yticks(range(len(names)), names)
    panels[0].set_ylim(len(names) - 0.4, -0.6)
    handles = [
        Line2D([], [], linestyle="none", marker="o", color=colour, label=family)
        for family, colour in colours.items()
    ]
    handles += [
        Line2D([], [], linestyle="none", marker="o", color=INK, label="one value"),
        Line2D([], [], linestyle="none", marker="o", color=MUTED, label="runs"),
        Line2D(
            [], [], linestyle="dashed", color=INK, label=f"limit: at least {limit:g}"
        ),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=6)
    return figure
