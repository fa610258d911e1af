"""What was tried so far: sizes, token counts, mixtures and their seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from bayeslaw.design.plan import NextRun
from bayeslaw.inference import Fitted

# Ratios and sizes that differ by less are the same run.
SAME = 1e-4


@dataclass(frozen=True)
class History:
    """Runs behind a posterior.

    Attributes:
      sizes: non-embedding parameters by name.
      tokens: training tokens.
      mixtures: different ones, in the order of first use.
      made: size, mixture and seed of each run.
    """

    sizes: dict[str, float]
    tokens: tuple[float, ...]
    mixtures: Float[np.ndarray, "mixture source"]
    made: tuple[tuple[float, dict[str, float], int], ...]

    def next_seed(
        self, N: float, mixture: Mapping[str, float], planned: Sequence[NextRun] = ()
    ) -> int:
        """The first seed that no run of this size and mixture has had."""
        others = ((run.N, run.mixture, run.seed) for run in planned)
        taken = [
            seed
            for size, ratios, seed in (*self.made, *others)
            if abs(size / N - 1) < SAME and _same(ratios, mixture)
        ]
        return max(taken, default=-1) + 1


def history_of(fitted: Fitted) -> History:
    """What a posterior's rows and provenance say of its runs."""
    record, rows, sources = fitted.record, fitted.rows, fitted.sources
    size = dict(
        zip(rows["run"].values.tolist(), rows["N"].values.tolist(), strict=True)
    )
    whole = {
        run: mixture
        for run, mixture in record["mixtures"].items()
        if run in size and set(mixture) <= set(sources)
    }
    shares = [[mix.get(name, 0.0) for name in sources] for mix in whole.values()]
    # Where a family has no share its loss is known of no law without transfer.
    different = list(dict.fromkeys(tuple(row) for row in shares if min(row) > 0))
    return History(
        sizes={
            f"N{value:.6g}": value for value in np.unique(rows["N"].values).tolist()
        },
        tokens=tuple(np.unique(rows["D"].values).tolist()),
        mixtures=np.array(different).reshape(-1, len(sources)),
        made=tuple(
            (size[run], mixture, _number(record["seeds"].get(run, "0")))
            for run, mixture in whole.items()
        ),
    )


def _number(seed: str) -> int:
    return int(float(seed)) if seed not in ("", "nan") else 0


def _same(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    names = {*one, *other}
    return all(abs(one.get(k, 0.0) - other.get(k, 0.0)) < SAME for k in names)
