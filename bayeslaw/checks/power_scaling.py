"""How much the posterior moves when the prior or the likelihood is weighted more."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr

from bayeslaw.checks.verdicts import Check
from bayeslaw.model import STATED

PRIOR_SENSITIVITY_LIMIT = (
    0.05  # above it a quantity is sensitive, Kallioinen et al. 2024
)
SOURCE = "Kallioinen et al. 2024, doi 10.1007/s11222-023-10366-5"
MAX_NAMED = 4
# Ratios rest on these. The priors of alpha and beta are felt in most tables of small
# proxies, so a conflict there is worth knowing, but no reason for alarm. A law without
# ratios is for predictions, and these rest on alpha and beta.
DECISIVE = ("gamma", "drift", "token_drift")
DECISIVE_WITHOUT_RATIOS = ("alpha", "beta")

Diagnosis = Literal["", "prior-data conflict", "weak likelihood"]


@dataclass(frozen=True)
class PriorSensitivity:
    """How sensitive one quantity is to power-scaling.

    Attributes:
      name: the quantity, such as "gamma[romance]".
      prior: change of its distribution per doubling of the prior's power:
        cumulative Jensen-Shannon distance, 0 = none.
      likelihood: the same for the likelihood.
      diagnosis: "prior-data conflict" if both matter, "weak likelihood" if only the
        prior does, "" if the prior does not.
    """

    name: str
    prior: float
    likelihood: float

    @property
    def diagnosis(self) -> Diagnosis:
        """What the two numbers mean together."""
        if self.prior < PRIOR_SENSITIVITY_LIMIT:
            return ""
        is_heard = self.likelihood >= PRIOR_SENSITIVITY_LIMIT
        return "prior-data conflict" if is_heard else "weak likelihood"


def sensitivities(
    posterior: xr.DataTree, quantities: xr.Dataset | None = None
) -> list[PriorSensitivity]:
    """Measure how sensitive quantities are to the stated priors and the likelihood.

    Draws are reweighted by powers of the prior or likelihood near 1, with
    Pareto-smoothed weights; nothing is fitted again. Only priors that a person states
    are scaled: of means, spreads and noise.

    Args:
      posterior: result of `fit`.
      quantities: draws (chain, draw, ...) of the quantities; alpha, beta, gamma and
        drift of every family and their means if not given.

    Returns:
      one record per quantity; none for a posterior saved without log densities, or
      whose chains barely moved.

    Example:
      >>> [s.name for s in sensitivities(posterior) if s.diagnosis]
      ['alpha[slavic]']
    """
    # Records of decisions know this module: they must not wait for ArviZ.
    from arviz_stats import psense

    if "log_prior" not in posterior.children:
        return []
    if quantities is None:
        quantities = _parameters(posterior["posterior"].dataset)
    tree = xr.DataTree.from_dict(
        {
            "posterior": quantities,
            "log_prior": posterior["log_prior"].dataset,
            "log_likelihood": posterior["log_likelihood"].dataset,
        }
    )
    # A constant, such as the only family's ratio, gives 0/0: it does not move.
    try:
        with np.errstate(invalid="ignore"), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Number of tail draws")
            prior = psense(tree, group="prior", group_var_names=list(STATED))
            likelihood = psense(tree, group="likelihood")
    except ValueError:
        # Chains that hardly move repeat draws, which have no tail to smooth.
        return []
    of_prior, of_likelihood = (_flat(v.fillna(0.0)) for v in (prior, likelihood))
    return [
        PriorSensitivity(name, value, of_likelihood[name])
        for name, value in of_prior.items()
    ]


def _parameters(draws: xr.Dataset) -> xr.Dataset:
    wanted = [
        name
        for stem in ("alpha", "beta", "gamma", "drift", "token_drift")
        for name in (stem, f"log_{stem}_mean", f"{stem}_mean")
        if name in draws
    ]
    return draws[wanted]


def _flat(values: xr.Dataset) -> dict[str, float]:
    """Numbers of a Dataset by name, with the family in brackets."""
    found = {}
    for name, array in values.data_vars.items():
        if not array.dims:
            found[str(name)] = float(array)
            continue
        for label in array[array.dims[0]].values:
            found[f"{name}[{label}]"] = float(array.sel({array.dims[0]: label}))
    return found


def sensitivity_check(posterior: xr.DataTree) -> Iterator[Check]:
    """Check the prior sensitivity of the law's exponents."""
    found = sensitivities(posterior)
    if not found:
        yield Check(
            "prior sensitivity",
            "not measured: the posterior was saved without log densities, or its "
            "chains barely moved",
            f"below {PRIOR_SENSITIVITY_LIMIT}",
            "note",
            "check R-hat; if it is fine, run `bayeslaw fit` again",
            SOURCE,
        )
        return
    found.sort(key=lambda one: -one.prior)
    sensitive = [one for one in found if one.diagnosis]
    named = [
        f"{one.name} {one.prior:.2f} ({one.diagnosis})" for one in sensitive[:MAX_NAMED]
    ]
    more = len(sensitive) - len(named)
    largest = f"largest {found[0].name} {found[0].prior:.2f}"
    yield Check(
        "prior sensitivity",
        ("; ".join(named) or largest) + (f"; and {more} more" if more > 0 else ""),
        f"below {PRIOR_SENSITIVITY_LIMIT} per doubling of the prior's power",
        _verdict(sensitive, _decisive(found)),
        "prior-data conflict: prior and data disagree, or the prior is narrow compared "
        "with the data; weak likelihood: the posterior is mostly the prior; set priors "
        "you believe under [priors] in the model file (docs/how-to/set-priors)"
        if sensitive
        else "",
        SOURCE,
    )


def _decisive(found: list[PriorSensitivity]) -> tuple[str, ...]:
    has_ratios = any(one.name.startswith("gamma") for one in found)
    return DECISIVE if has_ratios else DECISIVE_WITHOUT_RATIOS


def _verdict(
    sensitive: list[PriorSensitivity], decisive: tuple[str, ...]
) -> Literal["ok", "note", "warn"]:
    if not sensitive:
        return "ok"
    is_alarming = any(
        one.diagnosis == "prior-data conflict" and one.name.startswith(decisive)
        for one in sensitive
    )
    return "warn" if is_alarming else "note"
