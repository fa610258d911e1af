"""The fitted law over its data

Measured: `runs/sample-families`. Expected loss of two families with its 90 % interval.
Rows that were measured elsewhere are moved along the fitted law and drawn hollow. The
dotted line marks the target run.
"""

from pathlib import Path

from bayeslaw.plots import law_curves, save_figure
from docs.shipped_study import TARGET, decision, posterior

figure = law_curves(
    posterior(),
    families=["germanic", "indic"],
    target=TARGET,
    ratios=decision().ratios,
)
save_figure(figure, Path("docs/gallery/generated/law_curves.svg"))
