"""The HTML report put together: decision, tables, figures, and the page around them."""

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import xarray as xr
from arviz_stats.sampling_diagnostics import ess, rhat

from bayeslaw.checks import Checks, require_passed, tried_ratios
from bayeslaw.decisions import (
    FREE,
    Constraints,
    Decision,
    decision_sentences,
    optimal_ratios,
)
from bayeslaw.errors import InputError
from bayeslaw.inference import Fitted, Posterior, use_compile_cache
from bayeslaw.plots import MAX_FAMILIES, compact, family_colours
from bayeslaw.reports import pictures, report_record, report_tables


def report(
    posterior: Posterior,
    path: str | Path,
    *,
    decision: Decision | None = None,
    N: float | None = None,
    D: float | None = None,
    weights: Mapping[str, float] | None = None,
    normalised: bool = False,
    mixtures: Mapping[str, Mapping[str, float]] | None = None,
    constraints: Constraints = FREE,
    probability: float = 0.9,
    allow_failed_checks: bool = False,
) -> Path:
    """Write one HTML file that needs nothing else: decision, curves, checks, sources.

    Args:
      posterior: result of `fit`.
      path: file to write; it appears whole or not at all.
      decision: a decision already made from this posterior; then the options below are
        not used.
      N: non-embedding parameters of the target run; the largest in the table if not
        given.
      D: training tokens of the target run; the most in the table if not given.
      weights: importance of each family, see `optimal_ratios`.
      normalised: minimise losses relative to p = 1, see `optimal_ratios`.
      mixtures: the user's own mixtures, compared beside the standard ones.
      constraints: limits on the mixture, and the risk, see `optimal_ratios`.
      probability: probability of every interval.
      allow_failed_checks: write the report although a check failed; it then begins by
        saying so.

    Returns:
      the path written.

    Raises:
      InputError: a target, weight or mixture is wrong, or the decision belongs to
        another posterior.
      FailedChecksError: a check failed and `allow_failed_checks` is False.

    Example:
      >>> report(load_posterior("posterior.nc"), "report.html", N=1.2e9, D=5e10)
      PosixPath('report.html')
    """
    use_compile_cache()
    fitted, default_target = Fitted.of(posterior), ""
    if decision is None:
        N, D, default_target = _target(fitted, N, D)
        decision = optimal_ratios(
            fitted,
            N=N,
            D=D,
            weights=weights,
            normalised=normalised,
            mixtures=mixtures,
            constraints=constraints,
            probability=probability,
            allow_failed_checks=allow_failed_checks,
        )
    else:
        _require_own(decision, fitted)
    # A decision that names its failed checks was made with leave to.
    is_allowed = allow_failed_checks or bool(decision.doubts.failed_checks)
    checks = require_passed(fitted, allow_failed_checks=is_allowed)
    content = _content(fitted, decision, checks) | {"default_target": default_target}
    return write(Path(path), render("report.html", content))


def _target(
    fitted: Fitted, N: float | None, D: float | None
) -> tuple[float, float, str]:
    """The target run, and a sentence on what was not given."""
    rows = fitted.rows
    missing = [name for name, value in (("N", N), ("D", D)) if value is None]
    largest = {name: float(rows[name].max()) for name in ("N", "D")}
    note = (
        "No target run was given for "
        + " and ".join(missing)
        + ": the largest in the table is used, so nothing is extrapolated there. "
        "Give --params and --tokens of the run you plan."
        if missing
        else ""
    )
    return (
        largest["N"] if N is None else N,
        largest["D"] if D is None else D,
        note,
    )


def _require_own(decision: Decision, fitted: Fitted) -> None:
    for name in ("spec_sha256", "table_sha256"):
        if getattr(decision.made_from, name) != fitted.record[name]:
            raise InputError(
                "decision belongs to another posterior",
                f"argument decision, {name}",
                getattr(decision.made_from, name),
                fitted.record[name],
                "make the decision anew with optimal_ratios from this posterior",
            )


def _content(fitted: Fitted, decision: Decision, checks: Checks) -> dict[str, Any]:
    """Everything the template shows."""
    spec, draws = fitted.spec, _sampled(fitted)
    # A family's worth of its own tokens is constant.
    with np.errstate(invalid="ignore", divide="ignore"):
        sizes = {method: ess(draws, method=method) for method in ("bulk", "tail")}
        potential_scale = rhat(draws)
    ranks, residuals = pictures.predictive_pictures(fitted)
    traces, effective = pictures.sampler_pictures(fitted, sizes, decision.names)
    level = decision.probability
    return {
        "study": report_record.study_name(fitted.record["table"]),
        "origin": fitted.origin,
        "unit": fitted.unit,
        "decision": decision,
        "compact": compact,
        "colours": family_colours(decision.names),
        "sentences": decision_sentences(decision),
        "is_extrapolated": _is_extrapolated(decision),
        "failures": checks.failures,
        "checks": checks.checks,
        "verdicts": Counter(check.verdict for check in checks.checks),
        "curves": list(pictures.curve_pictures(fitted, decision)),
        **_mixtures(fitted, decision),
        "pit_picture": ranks,
        "residual_picture": residuals,
        "rank_picture": traces,
        "size_picture": effective,
        "expected_picture": pictures.prior_predictive_picture(fitted),
        "prior_pictures": list(pictures.prior_pictures(fitted)),
        "law": fitted.law,
        "spec": spec,
        "spec_toml": report_record.to_toml(spec.model_dump()),
        "prior_table": report_tables.prior_table(spec),
        "parameter_table": report_tables.parameter_table(
            fitted, spec, sizes["bulk"], unit=fitted.unit, level=level
        ),
        "scalar_table": report_tables.scalar_table(
            fitted, sizes["bulk"], potential_scale, level
        ),
        "provenance_table": report_record.provenance_table(fitted),
        "run_table": report_record.run_table(fitted),
    }


def _mixtures(fitted: Fitted, decision: Decision) -> dict[str, Any]:
    """Tables and figures of the mixtures."""
    tried = tried_ratios(fitted)
    n_families = len(decision.names)
    return {
        "ratio_table": report_tables.ratio_table(decision, tried),
        "regret_table": report_tables.regret_table(decision),
        "mixture_table": report_tables.mixture_table(decision),
        "pair_table": report_tables.pair_table(decision),
        "ratio_picture": pictures.ratio_picture(decision, tried),
        # Two families are a line: their histogram is region enough.
        "region_picture": pictures.region_picture(decision) if n_families > 2 else None,
        "simplex_picture": pictures.simplex_picture(decision)
        if n_families > 1
        else None,
        "max_pairs": MAX_FAMILIES,
    }


def _sampled(fitted: Fitted) -> xr.Dataset:
    """Quantities that the model has, so both before and after the data."""
    prior, draws = fitted.tree["prior"].dataset, fitted.posterior
    return draws[[name for name in draws.data_vars if name in prior]]


def _is_extrapolated(decision: Decision) -> bool:
    reach = decision.target.extrapolation
    return max(reach.N_factor, reach.D_factor) > 1 or bool(reach.outside_ratios)


def render(template: str, content: Mapping[str, Any]) -> str:
    """A page from one of the templates."""
    # Names come from users' tables, so everything is escaped.
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bayeslaw.reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Templates leave blank lines; a page begins with its doctype.
    return environment.get_template(template).render(content).lstrip()


def write(path: Path, text: str) -> Path:
    """Write a page; it appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".partial")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)
    return path
