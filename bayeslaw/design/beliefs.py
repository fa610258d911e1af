"""What a posterior believes of log losses and of the best ratios, jointly.

Both are taken as jointly Normal, with the covariances of the draws. A run that has not
been made yet then changes covariances in a known way, whatever it will measure.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int
from scipy.linalg import lapack

from bayeslaw.decisions import Target

# Relative ridge on the covariance of outcomes, where draws are few.
RIDGE = 1e-9


@dataclass(frozen=True)
class Beliefs:
    """Covariances of the components of log losses, of the choice, and of parameters.

    The choice is H^(1/2) (p* - p), where p* is the optimum of a draw, p the mixture
    chosen and H the curvature of the expected loss there: the sum of its variances is
    twice the expected regret.

    Attributes:
      covariance: of the components.
      cross: of components with the choice.
      spread: variance of each source's part of the choice.
      index: which components the log losses of each family are made of.
      scale: regret over the sum of `spread`; the regret is that of the draws.
      parameters: covariances of components with the coordinates of the law.
      variance: of these coordinates.
    """

    covariance: Float[np.ndarray, "component component"]
    cross: Float[np.ndarray, "component source"]
    spread: Float[np.ndarray, " source"]
    index: Int[np.ndarray, "row column"]
    scale: float
    parameters: Float[np.ndarray, "component coordinate"]
    variance: Float[np.ndarray, " coordinate"]

    @property
    def regret(self) -> float:
        """Expected regret of the choice, as a share of the loss."""
        return self.scale * float(self.spread.sum())

    @cached_property
    def by_row(self) -> Float[np.ndarray, "row column source"]:
        """Covariances with the choice of what each family's loss depends on."""
        return self.cross[self.index]

    @cached_property
    def own(self) -> Float[np.ndarray, "row column column"]:
        """Covariances of what each family's loss depends on."""
        return self.covariance[self.index[:, :, None], self.index[:, None, :]]

    def quick_gains(
        self,
        loadings: Float[np.ndarray, "candidate row checkpoint column"],
        noise: "Noise",
        log_ratio: Float[np.ndarray, "candidate row"],
    ) -> Float[np.ndarray, " candidate"]:
        """Regret that each run would take away, were families learnt apart.

        Args:
          loadings: of log losses on the components.
          noise: of runs.
          log_ratio: log(p / reference) of each family.
        """

        def between(matrix: np.ndarray) -> np.ndarray:
            return np.einsum(
                "mkap,kpq,mkbq->mkab", loadings, matrix, loadings, optimize=True
            )

        told = between(self.by_row @ self.by_row.swapaxes(1, 2))
        own = noise.of_rows(log_ratio)[..., None, None] * np.eye(loadings.shape[2])
        variance = between(self.own) + own + noise.common
        solved = np.linalg.solve(variance, told)
        return self.scale * np.trace(solved, axis1=2, axis2=3).sum(1)

    def outcome(
        self, loadings: Float[np.ndarray, "row checkpoint column"]
    ) -> tuple[Float[np.ndarray, "component outcome"], np.ndarray, np.ndarray]:
        """Covariances of a run's log losses with components, choice and themselves."""
        rows, n_checkpoints, _ = loadings.shape
        with_all = np.einsum("klp,kpn->kln", loadings, self.covariance[self.index])
        flat = with_all.reshape(rows * n_checkpoints, -1)
        own = np.einsum("okp,klp->okl", flat[:, self.index], loadings, optimize=True)
        choice = np.einsum("klp,kpj->klj", loadings, self.by_row)
        return flat.T, choice.reshape(len(flat), -1), own.reshape(len(flat), len(flat))

    def reduction(
        self,
        loadings: Float[np.ndarray, "row checkpoint column"],
        noise: "Noise",
        log_ratio: Float[np.ndarray, " row"],
    ) -> Float[np.ndarray, " source"]:
        """Variance of each source's part of the choice that a run takes away."""
        _, choice, own = self.outcome(loadings)
        own = own + noise.of_run(log_ratio, loadings.shape[1])
        return (_whitened(own, choice) ** 2).sum(0)

    def after(
        self,
        loadings: Float[np.ndarray, "row checkpoint column"],
        noise: "Noise",
        log_ratio: Float[np.ndarray, " row"],
    ) -> "Beliefs":
        """Beliefs once a run has been made: Matheron's update, of covariances.

        What it will measure moves means only, so that all draws of outcomes lead to the
        same covariances.
        """
        components, choice, own = self.outcome(loadings)
        told = np.einsum("klp,kpc->klc", loadings, self.parameters[self.index])
        told = told.reshape(len(choice), -1)
        own = own + noise.of_run(log_ratio, loadings.shape[1])
        every = np.concatenate([components.T, choice, told], axis=1)
        parts = np.cumsum([components.shape[0], choice.shape[1]])
        components, choice, told = np.split(_whitened(own, every), parts, axis=1)
        return replace(
            self,
            covariance=self.covariance - components.T @ components,
            cross=self.cross - components.T @ choice,
            spread=np.maximum(self.spread - (choice**2).sum(0), 0.0),
            parameters=self.parameters - components.T @ told,
            variance=np.maximum(self.variance - (told**2).sum(0), 0.0),
        )

    def without_parameters(self) -> "Beliefs":
        """The same without the coordinates of the law, quicker to update."""
        return replace(self, parameters=self.parameters[:, :0], variance=np.zeros(0))


@dataclass(frozen=True)
class Noise:
    """Scatter of the log losses of a new run about the law.

    Attributes:
      variance: of a row of each family, at the reference ratio.
      known: squared standard error of the evaluation, of each family.
      common: variance of what all rows of a run share.
      power: by which the noise grows as a ratio falls, see `noise.row_variance`.
    """

    variance: Float[np.ndarray, " row"]
    known: Float[np.ndarray, " row"]
    common: float
    power: float = 0.0

    def of_rows(
        self, log_ratio: Float[np.ndarray, "*batch row"]
    ) -> Float[np.ndarray, "*batch row"]:
        """Variance of each family's rows, the common part left out."""
        return self.known + self.variance * np.exp(-2 * self.power * log_ratio)

    def of_run(
        self, log_ratio: Float[np.ndarray, " row"], n_checkpoints: int
    ) -> Float[np.ndarray, "outcome outcome"]:
        """Covariance of all rows of a run, families first."""
        own = np.repeat(self.of_rows(log_ratio), n_checkpoints)
        return np.diag(own) + self.common


def beliefs_of(
    target: Target,
    scores: Float[np.ndarray, "draw component"],
    index: Int[np.ndarray, "row column"],
    parameters: Float[np.ndarray, "draw coordinate"],
) -> Beliefs:
    """Beliefs from draws.

    Args:
      target: the run that ratios are wanted for.
      scores: of the components of log losses, of evenly spaced draws of the target's.
      index: which of them the log losses of each family are made of.
      parameters: coordinates of the law, of the same draws.
    """
    best, action = target.best_per_draw().ratios, target.best()
    values, vectors = np.linalg.eigh(target.curvature(action))
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    regret = float((target.loss(action) / target.loss(best) - 1).mean())
    used = best[np.linspace(0, len(best) - 1, len(scores)).astype(int)]
    choice = (used - used.mean(0)) @ root
    n = len(scores) - 1
    covariance = scores.T @ scores / n
    covariance[np.diag_indices(len(covariance))] *= 1 + RIDGE
    spread = choice.var(0, ddof=1)
    total = float(spread.sum())
    return Beliefs(
        covariance=covariance,
        cross=scores.T @ choice / n,
        spread=spread,
        index=index,
        scale=regret / total if total else 0.0,
        parameters=scores.T @ (parameters - parameters.mean(0)) / n,
        variance=parameters.var(0, ddof=1),
    )


def _whitened(
    covariance: Float[np.ndarray, "outcome outcome"],
    values: Float[np.ndarray, "outcome column"],
) -> Float[np.ndarray, "outcome column"]:
    """L^-1 values, where L L' is the covariance."""
    factor, failed = lapack.dpotrf(covariance, lower=1)
    if failed:
        raise RuntimeError("covariance of a run's losses is not positive definite")
    found, _ = lapack.dtrtrs(factor, values, lower=1)
    return found
