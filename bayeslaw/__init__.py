"""Bayesian scaling laws for the language mixture of a pretraining corpus.

Names are loaded on first use: the command line's help must not wait for jax.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bayeslaw.checks.diagnostics import check as check
    from bayeslaw.checks.prior_predictive import prior_check as prior_check
    from bayeslaw.data.losses import read_runs as read_runs
    from bayeslaw.data.scores import read_curves as read_curves
    from bayeslaw.data.speakers import read_speakers as read_speakers
    from bayeslaw.decisions.constraints import Constraints as Constraints
    from bayeslaw.decisions.constraints import LinearLimit as LinearLimit
    from bayeslaw.decisions.forecasting import forecast as forecast
    from bayeslaw.decisions.optimum import optimal_ratios as optimal_ratios
    from bayeslaw.decisions.recipes import recipe as recipe
    from bayeslaw.design import next_runs as next_runs
    from bayeslaw.downstream.break_analysis import breaks as breaks
    from bayeslaw.evaluation.comparison import compare as compare
    from bayeslaw.evaluation.sensitivity import (
        decision_sensitivity as decision_sensitivity,
    )
    from bayeslaw.evaluation.simulation import simulate as simulate
    from bayeslaw.inference.fitting import fit as fit
    from bayeslaw.inference.posterior import load_posterior as load_posterior
    from bayeslaw.inference.posterior import save_posterior as save_posterior
    from bayeslaw.inference.prediction import predict as predict
    from bayeslaw.laws import LAWS as LAWS
    from bayeslaw.model.spec import read_spec as read_spec
    from bayeslaw.reports import report as report

__version__ = "0.1.0"

_MODULES = {
    "Constraints": "decisions.constraints",
    "LAWS": "laws",
    "LinearLimit": "decisions.constraints",
    "breaks": "downstream.break_analysis",
    "check": "checks.diagnostics",
    "compare": "evaluation.comparison",
    "decision_sensitivity": "evaluation.sensitivity",
    "fit": "inference.fitting",
    "forecast": "decisions.forecasting",
    "load_posterior": "inference.posterior",
    "next_runs": "design",
    "optimal_ratios": "decisions.optimum",
    "predict": "inference.prediction",
    "prior_check": "checks.prior_predictive",
    "read_curves": "data.scores",
    "read_runs": "data.losses",
    "read_speakers": "data.speakers",
    "read_spec": "model.spec",
    "recipe": "decisions.recipes",
    "report": "reports",
    "save_posterior": "inference.posterior",
    "simulate": "evaluation.simulation",
}

__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'bayeslaw' has no attribute {name!r}")
    return getattr(import_module(f"bayeslaw.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *_MODULES]
