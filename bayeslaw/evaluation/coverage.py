"""How often intervals of simulated studies contain the truth, with tests."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import stats

# All tests of one calibration together fail a right posterior this often.
FALSE_ALARM = 0.01


@dataclass(frozen=True)
class Coverage:
    """How often central intervals of one quantity contained the truth.

    Attributes:
      quantity: its name; values of several families are pooled.
      within_50: share of truths inside the 50 % interval.
      within_90: share of truths inside the 90 % interval.
      se_90: standard error of `within_90` over simulated studies.
      p_location: p-value of the test that posteriors are not shifted.
      p_width: p-value of the test that they are neither too narrow nor too wide.
    """

    quantity: str
    within_50: float
    within_90: float
    se_90: float
    p_location: float
    p_width: float


@dataclass(frozen=True)
class Calibration:
    """Truths and draws of many simulated studies.

    Attributes:
      truths: true values by quantity, (study, family) or (study, 1).
      draws: posterior draws by quantity, (study, draw, family) or (study, draw, 1).
      diverging: share of divergent iterations of each study.
    """

    truths: Mapping[str, Float[np.ndarray, "study value"]]
    draws: Mapping[str, Float[np.ndarray, "study draw value"]]
    diverging: Float[np.ndarray, " study"]

    def spoilt(self, *, narrowed: float = 0.0, shifted: float = 0.0) -> "Calibration":
        """The same with posteriors narrowed by a share and shifted by some sd.

        A calibration test must detect these faults; see the tests of this package.
        """

        def spoil(draws: np.ndarray) -> np.ndarray:
            centre, sd = draws.mean(1, keepdims=True), draws.std(1, keepdims=True)
            return centre + (1 - narrowed) * (draws - centre) + shifted * sd

        changed = {name: spoil(draws) for name, draws in self.draws.items()}
        return Calibration(self.truths, changed, self.diverging)

    def ranks(self, quantity: str) -> Float[np.ndarray, "study value"]:
        """Rank of each truth among its draws, between 0 and 1; uniform if calibrated.

        Source: Talts et al. 2018, arXiv 1804.06788.
        """
        draws, truth = self.draws[quantity], self.truths[quantity][:, None]
        return ((draws < truth).sum(1) + 0.5) / (draws.shape[1] + 1)

    def coverage(self) -> list[Coverage]:
        """Coverage and tests of every quantity."""
        return [_coverage(name, self.ranks(name)) for name in self.truths]

    @property
    def faults(self) -> list[str]:
        """The faults found, one clause each; empty if there are none."""
        found = self.coverage()
        limit = FALSE_ALARM / (2 * len(found))
        clauses = []
        for one in found:
            if one.p_location < limit:
                clauses.append(f"{one.quantity}: shifted")
            if one.p_width < limit:
                is_narrow = one.within_90 < 0.9
                clauses.append(
                    f"{one.quantity}: too {'narrow' if is_narrow else 'wide'}"
                )
        return clauses

    def to_dict(self) -> dict[str, Any]:
        """Convert to a plain record for JSON."""
        return {
            "studies": len(self.diverging),
            "studies_with_divergences": int((self.diverging > 0).sum()),
            "faults": self.faults,
            "coverage": [one.__dict__ for one in self.coverage()],
        }


def _coverage(name: str, ranks: np.ndarray) -> Coverage:
    from_middle = np.abs(2 * ranks - 1)
    inside = {level: (from_middle < level).mean(1) for level in (0.5, 0.9)}
    # Values of one study depend on each other: one number a study is tested.
    width = (ranks - 0.5) ** 2 - 1 / 12
    return Coverage(
        quantity=name,
        within_50=float(inside[0.5].mean()),
        within_90=float(inside[0.9].mean()),
        se_90=float(inside[0.9].std(ddof=1) / np.sqrt(len(ranks))),
        p_location=_p_value(ranks.mean(1) - 0.5),
        p_width=_p_value(width.mean(1)),
    )


def _p_value(values: np.ndarray) -> float:
    return float(stats.ttest_1samp(values, 0.0).pvalue)
