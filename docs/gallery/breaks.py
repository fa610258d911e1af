"""Downstream curves that break, and others

Simulated: scores in the published pattern of breaks (Isik et al. 2024), with the noise
of test sets of 3000 sentences. Bands: 90 % of the score without noise. Grey: twice the
tokens spent.
"""

from pathlib import Path

from bayeslaw import breaks
from bayeslaw.plots import break_curves, save_figure
from benchmarks.breaks.published_pattern import published_pattern

figure = break_curves(breaks(published_pattern(seed=0)))
save_figure(figure, Path("docs/gallery/generated/breaks.svg"))
