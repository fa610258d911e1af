"""What the priors expect before the fit

Measured: losses of `runs/sample-families`, over the bands in which the priors of
`models/token_drift.toml` expect them.
"""

from pathlib import Path

from bayeslaw.checks import prior_predictive_of
from bayeslaw.plots import prior_predictive_bands, save_figure
from docs.shipped_study import posterior

figure = prior_predictive_bands(prior_predictive_of(posterior()))
save_figure(figure, Path("docs/gallery/generated/prior_bands.svg"))
