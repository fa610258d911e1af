"""Where the optimal mixture lies, more than three families

Measured: `runs/sample-families`, for 10⁶ parameters and 10⁷ bytes. One line is one
mixture. Grey bars: where a share can move alone for less than 0.1 % of the loss.
"""

from pathlib import Path

from bayeslaw.plots import save_figure, simplex_region
from docs.shipped_study import decision

figure = simplex_region(decision())
save_figure(figure, Path("docs/gallery/generated/simplex_region_five.svg"))
