"""Prior and posterior of the law's parameters

Measured: `runs/sample-families`, one curve a family. A posterior as wide as its prior
was not informed by the data.
"""

from pathlib import Path

from bayeslaw.plots import parameter_densities, save_figure
from docs.shipped_study import posterior

UNIT = "bits/byte"
LABELS = {
    "E": f"irreducible loss E [{UNIT}]",
    "A": f"size coefficient A [{UNIT}]",
    "B": f"data coefficient B [{UNIT}]",
    "alpha": "size exponent α",
    "beta": "data exponent β",
    "gamma": "ratio exponent γ",
}
figure = parameter_densities(posterior(), LABELS)
save_figure(figure, Path("docs/gallery/generated/parameter_densities.svg"))
