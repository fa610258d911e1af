"""Where the optimal mixture lies, three families

Simulated: a study of three families and nine mixtures, noisier than the default. Left:
all mixtures. Right: the part around the recommended one, with posterior draws, the
outline of their densest 90 %, and the region in which every mixture costs less than
0.1 % of the loss.
"""

from pathlib import Path

from bayeslaw import fit, optimal_ratios, read_spec, simulate
from bayeslaw.inference import SamplerSettings
from bayeslaw.plots import save_figure, simplex_region

MINE = {"germanic": 0.45, "romance": 0.2, "slavic": 0.35}

spec = read_spec("he2024_partial_pooling")
noise = {"sigma": 0.03, "run_sd": 0.01}
table, _ = simulate(spec, seed=1, families=[*MINE], n_mixtures=9, parameters=noise)
posterior = fit(table, spec, settings=SamplerSettings(draws=500))
decision = optimal_ratios(posterior, N=1e9, D=2e10, mixtures={"mine": MINE})
figure = simplex_region(decision)
save_figure(figure, Path("docs/gallery/generated/simplex_region.svg"))
