"""Do the chains agree?

Measured: chains of the fit of `runs/sample-families`. Lines that stay near zero mean
that every chain visits low and high values equally often.
"""

from pathlib import Path

from bayeslaw.plots import rank_traces, save_figure
from docs.shipped_study import posterior

QUANTITIES = (
    "level_mean",
    "level_sd",
    "log_alpha_mean",
    "log_gamma_mean",
    "log_gamma_sd",
    "token_drift_mean",
    "token_drift_sd",
    "nu",
)
draws = posterior()["posterior"].dataset
figure = rank_traces({name: draws[name] for name in QUANTITIES})
save_figure(figure, Path("docs/gallery/generated/rank_traces.svg"))
