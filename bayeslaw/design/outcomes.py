"""What draws predict for the log losses of runs that have not been trained.

Over the draws, the log losses of one family at all sizes, token counts and ratios vary
in a few directions only. Their principal components stand for them: any run's log
losses are their means and loadings times the scores of a draw, as good as exactly,
however crooked the posterior is in the coordinates of the law.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from bayeslaw.design.beliefs import Noise
from bayeslaw.design.candidates import Cell
from bayeslaw.inference import (
    Fitted,
    law_inputs,
    log_outcome,
    own_log_ratio,
    row_noise_width,
)

# Ratios at which losses are computed where they depend on a family's own alone; between
# them, log losses are linear in the logarithm of the ratio.
NODES = 5
# Share of the variance of a family's log losses that components may leave out.
LEFT_OUT = 1e-5
MAX_COMPONENTS = 12
# Losses computed at most; of many families fewer draws are taken.
MAX_LOSSES = 8_000_000


class Outcomes:
    """Log losses of all runs that could be made, in terms of components.

    Args:
      fitted: a posterior.
      cells: sizes and token counts.
      mixtures: sampling ratios. Shape (candidate, source).

    Attributes:
      families: those with losses.
      sources: what mixtures are made of; with transfer more than the families.
      draws: how many draws of the posterior are used, evenly spaced.
      scores: of all components of all families. Shape (draw, component).
      index: which of them are those of each family. Shape (row, column).
      log_ratio: log(p / reference). Shape (candidate, row).
      noise: scatter of new runs.
    """

    def __init__(
        self,
        fitted: Fitted,
        cells: Sequence[Cell],
        mixtures: Float[np.ndarray, "candidate source"],
    ):
        self._fitted = fitted
        self.families, self.sources = fitted.families, fitted.sources
        self.noise = _noise(fitted)
        self.log_ratio = own_log_ratio(fitted, mixtures)
        self._point = {
            point: i
            for i, point in enumerate(
                dict.fromkeys((one.N, D) for one in cells for D in one.tokens)
            )
        }
        ratios, self._weights = self._nodes(mixtures)
        per_draw = len(self._point) * len(ratios) * len(self.families)
        self.draws = min(fitted.n_draws, max(MAX_LOSSES // per_draw, 200))
        self._fit(ratios)

    def loadings(
        self, cell: Cell
    ) -> Float[np.ndarray, "candidate row checkpoint column"]:
        """Loadings of log losses on the components, for all mixtures.

        Args:
          cell: one of those given.
        """
        points = [self._point[cell.N, D] for D in cell.tokens]
        return np.einsum(
            "mkn,klnr->mklr", self._weights, self._loadings[:, points], optimize=True
        )

    def _nodes(
        self, mixtures: Float[np.ndarray, "candidate source"]
    ) -> tuple[
        Float[np.ndarray, "node source"], Float[np.ndarray, "candidate row node"]
    ]:
        """Mixtures to compute losses at, and weights that lead from there to others."""
        if self._fitted.has_transfer:
            same = np.eye(len(mixtures))[:, None, :]
            return mixtures, np.repeat(same, len(self.families), axis=1)
        low, high = np.log(mixtures.min()), np.log(mixtures.max())
        nodes = np.linspace(low, max(high, low + 1e-3), NODES)
        place = (np.log(mixtures) - nodes[0]) / (nodes[1] - nodes[0])
        near = np.maximum(1 - np.abs(place[..., None] - np.arange(NODES)), 0.0)
        every = np.exp(nodes)[:, None] * np.ones(len(self.families))
        return every, near

    def _fit(self, ratios: Float[np.ndarray, "node source"]) -> None:
        """Components of each family's log losses at all points and nodes."""
        shape = (len(self._point), len(ratios))
        points = np.repeat(np.array(list(self._point)), len(ratios), axis=0)
        given = {
            "N": points[:, :1],
            "D": points[:, 1:],
            "p": np.tile(ratios, (len(self._point), 1)),
        }
        given |= self._epochs(given)
        inputs = law_inputs(self._fitted, given)
        losses = log_outcome(self._fitted, inputs, self.draws)
        centred = (losses - losses.mean(0)).transpose(2, 0, 1)
        values, vectors = np.linalg.eigh(centred.swapaxes(1, 2) @ centred)
        values, vectors = values[:, ::-1], vectors[:, :, ::-1]
        left = 1 - np.cumsum(values, 1) / values.sum(1, keepdims=True)
        n = min(int((left > LEFT_OUT).sum(1).max()) + 1, MAX_COMPONENTS)
        self._loadings = vectors[:, :, :n].reshape(len(self.families), *shape, n)
        scores = centred @ vectors[:, :, :n]
        self.scores = scores.transpose(1, 0, 2).reshape(len(losses), -1)
        self.index: Int[np.ndarray, "row column"] = np.arange(
            len(self.families) * n
        ).reshape(-1, n)

    def _epochs(self, given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """How often each family's distinct tokens are seen, where the law asks."""
        unique = self._fitted.record["unique_tokens"]
        is_known = set(unique) >= set(self.families)
        if "epochs" not in self._fitted.law.all_inputs or not is_known:
            return {}
        distinct = np.array([unique[family] for family in self.families])
        own = [self.sources.index(family) for family in self.families]
        return {"epochs": given["p"][:, own] * given["D"] / distinct}


def parameters_of(
    fitted: Fitted, n_draws: int
) -> tuple[Float[np.ndarray, "draw coordinate"], list[str]]:
    """Draws of all coordinates of the law in one row, and a name for each."""
    found, labels, families = [], [], fitted.families
    for name, values in fitted.coordinates(n_draws).items():
        found.append(values.reshape(len(values), -1))
        per = fitted.law.coordinates[name].per
        if per == "all":
            labels.append(name)
        elif per == "group":
            labels += [f"{name} of {family}" for family in families]
        else:
            labels += [
                f"{name} of {k} from {j}" for k in families for j in fitted.sources
            ]
    return np.concatenate(found, axis=1), labels


def _noise(fitted: Fitted) -> Noise:
    """Noise of new runs, at its posterior medians."""
    width, rows = row_noise_width(fitted), fitted.rows
    family, log_se = rows["family"].values, rows["log_se"].values
    known = np.array([np.median(log_se[family == name]) for name in fitted.families])
    common, power = 0.0, 0.0
    if fitted.has("run_sd"):
        common = float(np.median(fitted.draws("run_sd"))) ** 2
    if fitted.has("sigma_ratio_power"):
        power = float(np.median(fitted.draws("sigma_ratio_power")))
    return Noise(np.median(width, axis=0) ** 2, known**2, common, power)
