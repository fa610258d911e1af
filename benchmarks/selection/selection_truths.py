"""Truths that proxies are run on: losses of five families, written out in numpy.

Nothing here uses the package's laws, so that a mistake in them cannot hide. All
numbers are simulated.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

FAMILIES = ("germanic", "romance", "slavic", "indic", "sino_tibetan")
N_0, D_0 = 5e6, 5e8  # where exponents are as given; the middle of the candidates
SIZES = {"n1": 1e6, "n3": 3e6, "n10": 1e7, "n30": 3e7}
TOKENS = (1e8, 3e8, 1e9, 3e9)
TARGET_N, TARGET_D = 1e9, 2e10
# Sd of the power of N in gamma. The measured studies have .01 to .04; the prior of the
# default model expects .1.
USUAL_DRIFT = 0.04
# Worth of a token of another family: median of the largest pairs of debian-families
# .002, ends of their intervals up to .011.
USUAL_TAU = 0.005
REGIMES = {
    "little noise": {"sigma": 0.004, "run_sd": 0.003, "nu": 30.0, "drift": 1.0},
    "much noise": {"sigma": 0.015, "run_sd": 0.008, "nu": 3.0, "drift": 1.0},
    "3x drift": {"sigma": 0.004, "run_sd": 0.003, "nu": 30.0, "drift": 3.0},
}
# `own` is the fitted law; the others are not. In `turned`, a ratio exponent that drifts
# with N turns the curve about p = 1 and not about the middle of the ratios: proxies
# cannot tell them apart, but the losses of a larger run differ.
KINDS = ("turned", "reducible", "transfer", "own")
PIVOT = 0.15  # ratio about which curves turn; the reference ratio of such tables


@dataclass(frozen=True)
class Truth:
    """One world.

    Attributes:
      kind: own, turned (see above), reducible (ratios move the reducible part only) or
        transfer (tokens of other families count for something).
      E, A, alpha, B, beta, gamma, drift: by family.
      tau: worth of a token of another family. Shape (family, family).
      sigma, run_sd, nu: noise of rows (Student-t), of runs.
    """

    kind: str
    E: np.ndarray
    A: np.ndarray
    alpha: np.ndarray
    B: np.ndarray
    beta: np.ndarray
    gamma: np.ndarray
    drift: np.ndarray
    tau: np.ndarray
    sigma: float
    run_sd: float
    nu: float

    def loss(self, N: float, D: float, p: np.ndarray) -> np.ndarray:
        """Expected losses of all families."""
        reducible = self.A / N**self.alpha + self.B / D**self.beta
        exponent = self.gamma * (N / N_0) ** self.drift
        share = p + self.tau @ p if self.kind == "transfer" else p
        if self.kind == "reducible":
            return self.E + reducible * share**-exponent
        level = PIVOT ** (exponent - self.gamma) if self.kind == "own" else 1.0
        return level * (self.E + reducible) * share**-exponent

    def objective(self, p: np.ndarray) -> float:
        """Mean loss of the target run."""
        return float(self.loss(TARGET_N, TARGET_D, p).mean())

    def optimum(self) -> np.ndarray:
        """The ratios that minimise it."""

        def softmax(x: np.ndarray) -> np.ndarray:
            weights = np.exp(np.append(x, 0.0) - max(x.max(), 0.0))
            return weights / weights.sum()

        found = min(
            (
                minimize(
                    lambda x: self.objective(softmax(x)),
                    np.random.default_rng(seed).normal(0, 0.3, len(self.E) - 1),
                    method="BFGS",
                    options={"gtol": 1e-9},
                )
                for seed in range(3)
            ),
            key=lambda result: result.fun,
        )
        return softmax(found.x)

    def observe(
        self, N: float, D: float, p: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Measured losses of one run."""
        noise = self.sigma * rng.standard_t(self.nu, len(self.E))
        return self.loss(N, D, p) * np.exp(noise + self.run_sd * rng.normal())


def make_truth(kind: str, regime: str, seed: int) -> Truth:
    """A world drawn at random."""
    rng = np.random.default_rng([seed, KINDS.index(kind), [*REGIMES].index(regime)])
    k, settings = len(FAMILIES), REGIMES[regime]
    alpha, beta = (rng.normal(mean, 0.03, k) for mean in (0.34, 0.30))
    reach = np.exp(rng.normal(0, 0.2, (2, k)))
    gamma = np.exp(rng.normal(np.log(0.12), 0.4, k))
    # As much of the loss is reducible as in proxies of these sizes.
    A, B = 0.9 * reach[0] * N_0**alpha, 0.9 * reach[1] * D_0**beta
    E = np.exp(rng.normal(np.log(1.6), 0.15, k))
    if kind == "reducible":
        gamma = 1.8 * gamma
    tau = np.exp(rng.normal(np.log(USUAL_TAU), 1.0, (k, k))) * (1 - np.eye(k))
    return Truth(
        kind=kind,
        E=E,
        A=A,
        alpha=alpha,
        B=B,
        beta=beta,
        gamma=gamma,
        drift=rng.normal(0, USUAL_DRIFT * settings["drift"], k),
        tau=tau,
        sigma=settings["sigma"],
        run_sd=settings["run_sd"],
        nu=settings["nu"],
    )
