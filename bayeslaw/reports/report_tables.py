"""Tables of the report, as text."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from bayeslaw.decisions import Decision, MixtureRegret
from bayeslaw.inference import Fitted
from bayeslaw.model import ModelSpec
from bayeslaw.numbers import interval_levels, percent, probability_text
from bayeslaw.plots import compact
from bayeslaw.reports.report_numbers import between, factor, ratio


@dataclass(frozen=True)
class Table:
    """A table of text.

    Attributes:
      title: what it shows.
      header: column names.
      rows: cells by row; the first of each row names it.
      has_numbers: whether the cells after the first are aligned as numbers.
      has_origin: whether they come from rows of the table, whose origin is then shown.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    has_numbers: bool = True
    has_origin: bool = True


Ranges = Mapping[str, tuple[float, float]]


def ratio_table(decision: Decision, tried: Ranges) -> Table:
    """The decision: one row a family."""
    return Table(
        "Recommended mixture",
        (
            "family",
            "recommended ratio",
            f"{decision.probability:.0%} interval of the optimum",
            f"flat range (costs < {decision.flat.tolerance:.1%})",
            "tried in the runs",
        ),
        tuple(
            (
                one.name,
                ratio(one.ratio),
                between(ratio(one.lower), ratio(one.upper)),
                between(ratio(one.flat_lower), ratio(one.flat_upper)),
                between(*map(ratio, tried[one.name]))
                + (
                    " ⚠ not tried"
                    if one.name in decision.target.extrapolation.outside_ratios
                    else ""
                ),
            )
            for one in decision.families
        ),
    )


def regret_table(decision: Decision) -> Table:
    """What each compared mixture costs, the recommended one first."""

    def row(mixture: MixtureRegret) -> tuple[str, ...]:
        own = mixture.name == decision.recommended.name
        noise = mixture.p_beyond_noise
        return (
            mixture.name,
            percent(mixture.regret),
            between(percent(mixture.regret_lower), percent(mixture.regret_upper)),
            "–" if own else probability_text(mixture.p_worse),
            "–" if own else factor(mixture.compute_factor),
            "–" if own else probability_text(noise),
        )

    return Table(
        "Cost of each mixture",
        (
            "mixture",
            "expected regret",
            f"{decision.probability:.0%} interval",
            "P(worse than recommended)",
            "tokens for the same loss",
            "P(gain > noise)",
        ),
        tuple(row(mixture) for mixture in (decision.recommended, *decision.compared)),
    )


def mixture_table(decision: Decision) -> Table:
    """Ratios of all compared mixtures, and what belongs to a family besides."""
    mixtures = (decision.recommended, *decision.compared)
    return Table(
        "Ratios of all mixtures, and sensitivity to the weights",
        (
            "family",
            *(mixture.name for mixture in mixtures),
            "weight",
            "recommended if its weight were doubled",
            "its part of the recommended mixture's regret",
            "epochs of the recommended mixture",
        ),
        tuple(
            (
                one.name,
                *(ratio(mixture.ratios[one.name]) for mixture in mixtures),
                ratio(one.weight),
                ratio(one.doubled_weight),
                "–" if one.regret is None else percent(one.regret),
                "–" if one.epochs is None else f"{one.epochs:.2g}",
            )
            for one in decision.families
        ),
    )


def pair_table(decision: Decision) -> Table:
    """Probability that the mixture of a row is better than that of a column."""
    names = tuple(decision.p_better)
    return Table(
        "P(the row's mixture has a lower loss than the column's)",
        ("mixture", *names),
        tuple(
            (
                name,
                *(
                    "–"
                    if other == name
                    else probability_text(decision.p_better[name][other])
                    for other in names
                ),
            )
            for name in names
        ),
    )


def prior_table(spec: ModelSpec) -> Table:
    """Pooling and prior of every coordinate of the law, defaults written out."""
    law = spec.law_record
    rows = []
    for name, coordinate in law.coordinates.items():
        prior, pooling = spec.prior_of(name), spec.pooling_of(name)
        mean = f"Normal({prior.loc:.3g}, {prior.scale:.3g})"
        spread = f"LogNormal(log {prior.spread / 2:.3g}, 0.5)"
        if pooling == "none":
            mean = f"Normal({prior.loc:.3g}, {prior.total_scale:.3g}) for each family"
        rows.append(
            (
                name,
                coordinate.meaning,
                pooling,
                mean,
                spread if pooling == "partial" else "–",
            )
        )
    return Table(
        "Priors of the law's coordinates",
        ("coordinate", "meaning", "pooling", "mean over families", "sd over families"),
        tuple(rows),
        has_numbers=False,
        has_origin=False,
    )


def parameter_units(unit: str) -> dict[str, str]:
    """Unit of the law's parameters where they have one."""
    return {"E": unit, "A": f"{unit} · N^α", "B": f"{unit} · D^β"}


def parameter_table(
    fitted: Fitted,
    spec: ModelSpec,
    sizes: xr.Dataset,
    *,
    unit: str,
    level: float,
) -> Table:
    """The paper's parameters: one row a family, one column a parameter."""
    names = spec.law_record.parameters
    draws = fitted.posterior
    units = parameter_units(unit)
    families = draws["family"].values.tolist()

    def cell(name: str, family: int) -> str:
        values = draws[name].values[..., family].ravel()
        size = sizes[name].values[family]
        return f"{_median(values, level)}\nESS {size:.0f}"

    return Table(
        f"Parameters of the law, median [{level:.0%} interval]; bulk ESS",
        ("family", *(f"{n} [{units[n]}]" if n in units else n for n in names)),
        tuple(
            (family, *(cell(name, i) for name in names))
            for i, family in enumerate(families)
        ),
    )


def scalar_table(
    fitted: Fitted, sizes: xr.Dataset, rhat: xr.Dataset, level: float
) -> Table:
    """Sampled quantities without a family, and the noise of each family."""
    draws = fitted.posterior
    rows = [
        (
            str(name),
            _median(draws[name].values.ravel(), level),
            f"{float(sizes[name]):.0f}",
            f"{float(rhat[name]):.3f}",
        )
        for name in sizes.data_vars
        if draws[name].ndim == 2
    ]
    rows += [
        (
            f"sigma[{family}]",
            _median(draws["sigma"].values[..., i].ravel(), level),
            f"{sizes['sigma'].values[i]:.0f}",
            f"{rhat['sigma'].values[i]:.3f}",
        )
        for i, family in enumerate(draws["family"].values.tolist())
    ]
    return Table(
        "Group means and sds of the coordinates, and noise",
        ("quantity", f"median [{level:.0%} interval]", "bulk ESS", "R-hat"),
        tuple(rows),
    )


def _median(draws: np.ndarray, level: float) -> str:
    lower_level, upper_level = interval_levels(level)
    lower, middle, upper = map(
        compact, np.quantile(draws, [lower_level, 0.5, upper_level])
    )
    return f"{middle} [{lower}, {upper}]"
