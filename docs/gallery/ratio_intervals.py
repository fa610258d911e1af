"""Recommended ratios with their intervals

Measured: `runs/sample-families`, five families with equal weights, for 10⁶ parameters
and 10⁷ bytes. Dark: 90 % interval of the optimal ratio. Light: where the share can move
alone for less than 0.1 % of the loss.
"""

from pathlib import Path

from bayeslaw.plots import ratio_intervals, save_figure
from docs.shipped_study import decision

figure = ratio_intervals(decision())
save_figure(figure, Path("docs/gallery/generated/ratio_intervals.svg"))
