"""Every figure for one, three and twelve families, and what they promise."""

from dataclasses import replace
from functools import cache

import matplotlib
import numpy as np
import pytest
import xarray as xr
from matplotlib import pyplot
from matplotlib.figure import Figure
from matplotlib.path import Path
from synthetic_posterior import family_names, synthetic_posterior

from bayeslaw import plots
from bayeslaw.decisions.optimum import optimal_ratios
from bayeslaw.inference import Fitted
from bayeslaw.inference.prediction import predict
from bayeslaw.plots.curve_panels import curve_panel
from bayeslaw.plots.panels import panel_grid, round_values, spaced
from bayeslaw.plots.parallel_mixtures import densest
from bayeslaw.plots.style import compact, legible
from bayeslaw.plots.ternary import _draw_densest, _enlarged, _points

ODD_NAMES = ("<b>bold</b>", "$x^2$", "汉藏语系")


@cache
def decision_for(n_families: int):
    posterior = synthetic_posterior(family_names(n_families))
    return optimal_ratios(posterior, N=1e9, D=2e10, allow_failed_checks=True)


MANY = pytest.param(12, marks=pytest.mark.slow)
FIGURES = {
    "law_curves": lambda posterior: plots.law_curves(
        posterior, target={"N": 1e9, "D": 1e10}
    ),
    "pit_difference": plots.pit_difference,
    "predictive_residuals": plots.predictive_residuals,
    "parameter_densities": lambda posterior: plots.parameter_densities(
        posterior, {"E": "E [nats/token]", "gamma": "gamma"}
    ),
    "scalar_densities": lambda posterior: plots.scalar_densities(
        posterior, ["level_mean", "run_sd"]
    ),
    "rank_traces": lambda posterior: plots.rank_traces(
        {
            name: posterior["posterior"].dataset[name].copy()
            for name in ("level_mean", "run_sd", "nu")
        }
    ),
    "effective_sizes": lambda posterior: plots.effective_sizes(
        {"bulk": posterior["posterior"].dataset.mean(("chain", "draw")) * 0 + 900.0},
        400,
        posterior["posterior"].dataset["family"].values.tolist(),
    ),
}


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES.keys())
@pytest.mark.parametrize("n_families", [1, 3, MANY])
def test_every_figure_draws_without_warnings(draw, n_families):
    svg = plots.to_svg(draw(synthetic_posterior(family_names(n_families))))
    assert svg.rstrip().endswith("</svg>")


@pytest.mark.parametrize(
    "n_families", [pytest.param(2, marks=pytest.mark.slow), 3, MANY]
)
def test_decision_figures_draw_for_any_number_of_families(n_families):
    decision = decision_for(n_families)
    for figure in (
        plots.ratio_intervals(decision),
        plots.ratio_intervals(decision, dict.fromkeys(decision.names, (0.01, 0.9))),
        plots.simplex_pairs(decision),
    ):
        assert max(decision.ratios, key=decision.ratios.get) in plots.to_svg(figure)


def test_three_families_are_shown_in_triangles_and_more_as_lines():
    svg = plots.to_svg(plots.simplex_region(decision_for(3)))
    assert svg.count(">more family_02<") == 2
    for text in (
        "every mixture here costs &lt; 0.1% of the loss",
        "densest region that holds 90% of draws",
        ">uniform",
    ):
        assert text in svg


@pytest.mark.parametrize(
    "n_families", [pytest.param(2, marks=pytest.mark.slow), 4, MANY]
)
def test_other_numbers_of_families_are_lines_across_a_scale_each(n_families):
    decision = decision_for(n_families)
    svg = plots.to_svg(plots.simplex_region(decision))
    assert "more family" not in svg
    for text in (*decision.names, "of the densest 90%", "sampling ratio p"):
        assert f"{text}<" in svg


def test_the_enlarged_triangle_holds_the_flat_region_and_the_draws():
    decision = decision_for(3)
    lower = _enlarged(decision)
    assert (lower >= 0).all()
    assert (decision.flat.boundary >= lower).all()
    assert (decision.optimal_draws >= lower).all(-1).mean() > 0.98


def test_the_outline_holds_the_share_of_draws_that_the_legend_says():
    decision = decision_for(3)
    rng = np.random.default_rng(0)
    logs = rng.normal(size=(2000, 3)) * [0.01, 0.02, 0.03]
    draws = np.exp(logs) / np.exp(logs).sum(-1, keepdims=True)
    axes = Figure().subplots()
    _draw_densest(axes, replace(decision, optimal_draws=draws), np.zeros(3))
    outline = Path(axes.collections[0].get_paths()[0].to_polygons()[0])
    inside = outline.contains_points(_points(draws, np.zeros(3)))
    assert inside.mean() == pytest.approx(0.9, abs=0.01)


def test_the_densest_draws_are_the_share_that_the_legend_says():
    decision = decision_for(4)
    inside = densest(decision)
    assert inside.mean() == pytest.approx(0.9, abs=0.01)
    logs = np.log(decision.optimal_draws)
    away = np.abs(logs - logs.mean(0)).sum(-1)
    assert away[inside].mean() < away[~inside].mean()


def test_many_compared_mixtures_are_all_marked():
    decision = decision_for(3)
    many = tuple(replace(decision.compared[0], name=f"mixture {i}") for i in range(12))
    crowded = replace(decision, compared=many)
    for draw in (plots.ratio_intervals, plots.simplex_region, plots.simplex_pairs):
        svg = plots.to_svg(draw(crowded))
        assert all(f">mixture {i}" in svg for i in range(12))


def test_simplex_of_one_family_is_refused():
    two = decision_for(2)
    decision = replace(two, families=two.families[:1])
    with pytest.raises(ValueError, match="two families or more, got 1"):
        plots.simplex_pairs(decision)
    with pytest.raises(ValueError, match="two families or more, got 1"):
        plots.simplex_region(decision)


def test_axes_carry_units_and_the_legend_the_interval_probability():
    posterior = synthetic_posterior(family_names(3))
    curves = plots.to_svg(plots.law_curves(posterior, probability=0.8))
    for text in (
        "loss [nats/token]",
        "non-embedding parameters N",
        "training tokens D",
        "sampling ratio p",
        "80% interval",
    ):
        assert text in curves
    assert "90% interval" in plots.to_svg(plots.ratio_intervals(decision_for(3)))
    residuals = plots.to_svg(plots.predictive_residuals(posterior))
    assert "predicted loss [nats/token]" in residuals
    assert "[%]" in residuals


def test_names_of_families_are_neither_markup_nor_mathematics():
    posterior = synthetic_posterior(ODD_NAMES)
    svg = plots.to_svg(plots.law_curves(posterior))
    assert "<b>" not in svg
    assert "&lt;b&gt;bold&lt;/b&gt;" in svg
    assert "$x^2$" in svg
    assert "汉藏语系" in svg


def test_the_same_figure_gives_the_same_bytes():
    posterior = synthetic_posterior(family_names(3))
    first, second = (plots.to_svg(plots.pit_difference(posterior)) for _ in range(2))
    assert first == second


def test_drawing_leaves_no_open_figure_and_no_changed_setting():
    before = dict(matplotlib.rcParams)
    for draw in FIGURES.values():
        plots.to_svg(draw(synthetic_posterior(family_names(3))))
    assert pyplot.get_fignums() == []
    assert dict(matplotlib.rcParams) == before


def test_twenty_families_have_twenty_colours_that_can_be_read_as_text():
    colours = plots.family_colours(family_names(20))
    assert len(set(colours.values())) == 20
    for colour in colours.values():
        assert np.dot(legible(colour), (0.30, 0.59, 0.11)) < 0.46


def test_observations_on_the_law_move_onto_the_lines():
    """Rows equal to the expected loss stay on the curves, whatever they move along."""
    posterior = synthetic_posterior(family_names(3))
    rows = posterior["constant_data"].dataset
    family = posterior["posterior"].dataset.get_index("family")
    index = family.get_indexer(rows["family"].values)
    inputs = {name: rows[name].values[:, None] for name in ("N", "D", "p")}
    expected = predict(posterior, **inputs).mean(0)[np.arange(len(index)), index]
    exact = posterior.assign(
        observed_data=xr.DataTree(xr.Dataset({"value": ("observation", expected)}))
    )
    for names in (("N", "D", "p"), ("D", "N", "p"), ("p", "N", "D")):
        panel = curve_panel(Fitted.of(exact), *names)
        for row, (level, member) in enumerate(zip(panel.level, index, strict=True)):
            x = rows[panel.axis].values[row]
            line = np.interp(
                np.log(x), np.log(panel.grid), np.log(panel.mean[level, :, member])
            )
            # The line is interpolated between 40 points of a curve.
            assert np.log(panel.moved[row]) == pytest.approx(line, abs=2e-3)


def test_observations_measured_on_a_line_do_not_move():
    posterior = synthetic_posterior(family_names(3))
    observed = posterior["observed_data"].dataset["value"].values
    panel = curve_panel(Fitted.of(posterior), "N", "D", "p")
    assert panel.is_exact.any()
    assert not panel.is_exact.all()
    np.testing.assert_allclose(
        panel.moved[panel.is_exact], observed[panel.is_exact], rtol=1e-12
    )


def test_curves_reach_a_target_within_reach_and_ignore_one_beyond():
    posterior = synthetic_posterior(family_names(3))
    assert curve_panel(Fitted.of(posterior), "N", "D", "p", end=1e10).grid[-1] == 1e10
    assert curve_panel(Fitted.of(posterior), "N", "D", "p", end=1e15).grid[-1] == 2.5e8


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"),
        (0.25, "0.25"),
        (999.7, "1k"),
        (30_000, "30k"),
        (1.2e9, "1.2B"),
        (5e10, "50B"),
        (1e12, "1T"),
        (4e-5, "4e-05"),
        (float("inf"), "inf"),
    ],
)
def test_numbers_are_short(number, text):
    assert compact(number) == text


def test_labels_of_a_log_axis_keep_their_distance_and_the_first_wins():
    assert spaced([10.0, 11.0, 100.0, 1000.0], 5.0, 200.0, 4) == [10.0, 100.0]
    assert spaced([11.0, 10.0], 5.0, 200.0, 4) == [11.0]


def test_round_values_stay_between_the_bounds():
    values = round_values(1.63, 5.1, 5)
    assert values
    assert all(1.63 <= value <= 5.1 for value in values)


@pytest.mark.parametrize("n_panels", [1, 2, 3, 4, 5, 6, 7, 21])
def test_a_grid_has_as_many_panels_as_asked(n_panels):
    figure, panels, lowest = panel_grid(n_panels, height=1.0)
    assert len(figure.axes) == len(panels) == n_panels
    assert panels[-1] in lowest


def test_effective_sizes_of_pairs_of_families_have_the_colours_of_the_first():
    names = ["a", "b", "c"]
    pairs = xr.DataArray(
        np.arange(1.0, 10.0).reshape(3, 3),
        dims=("family", "source"),
        coords={"family": names, "source": names},
    )
    sizes = {"bulk": xr.Dataset({"log_transfer": pairs})}
    figure = plots.effective_sizes(sizes, 4.0, names)
    colours = figure.axes[0].collections[0].get_facecolors()
    assert len(colours) == 9
    assert (colours[:3] == colours[0]).all()
    assert not (colours[3] == colours[0]).all()
