"""Residuals of the fitted rows

Measured: `runs/sample-families`. Observed minus predicted loss, with 90 % intervals of
replicated rows. Crosses lie outside their interval.
"""

from pathlib import Path

from bayeslaw.plots import predictive_residuals, save_figure
from docs.shipped_study import posterior

figure = predictive_residuals(posterior())
save_figure(figure, Path("docs/gallery/generated/residuals.svg"))
