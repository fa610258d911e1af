"""Bayesian scaling laws for the language mixture of a pretraining corpus.

Names are loaded on first use: the command line's help must not wait for jax.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bayeslaw.comparison import compare as compare
    from bayeslaw.constraints import Constraints as Constraints
    from bayeslaw.constraints import LinearLimit as LinearLimit
    from bayeslaw.curves import read_curves as read_curves
    from bayeslaw.diagnostics import check as check
    from bayeslaw.downstream.analysis import breaks as breaks
    from bayeslaw.fitting import fit as fit
    from bayeslaw.forecasting import forecast as forecast
    from bayeslaw.laws import LAWS as LAWS
    from bayeslaw.posterior import load_posterior as load_posterior
    from bayeslaw.posterior import save_posterior as save_posterior
    from bayeslaw.prediction import predict as predict
    from bayeslaw.prior_predictive import prior_check as prior_check
    from bayeslaw.ratios import optimal_ratios as optimal_ratios
    from bayeslaw.recipes import recipe as recipe
    from bayeslaw.reporting import report as report
    from bayeslaw.runs import read_runs as read_runs
    from bayeslaw.selection import next_runs as next_runs
    from bayeslaw.sensitivity import decision_sensitivity as decision_sensitivity
    from bayeslaw.simulation import simulate as simulate
    from bayeslaw.speakers import read_speakers as read_speakers
    from bayeslaw.spec import read_spec as read_spec

__version__ = "0.1.0"

_MODULES = {
    "Constraints": "constraints",
    "LAWS": "laws",
    "LinearLimit": "constraints",
    "breaks": "downstream.analysis",
    "check": "diagnostics",
    "compare": "comparison",
    "decision_sensitivity": "sensitivity",
    "fit": "fitting",
    "forecast": "forecasting",
    "load_posterior": "posterior",
    "next_runs": "selection",
    "optimal_ratios": "ratios",
    "predict": "prediction",
    "prior_check": "prior_predictive",
    "read_curves": "curves",
    "read_runs": "runs",
    "read_speakers": "speakers",
    "read_spec": "spec",
    "recipe": "recipes",
    "report": "reporting",
    "save_posterior": "posterior",
    "simulate": "simulation",
}

__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'bayeslaw' has no attribute {name!r}")
    return getattr(import_module(f"bayeslaw.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *_MODULES]
