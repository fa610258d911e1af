"""From many runs that could be made to the few that leave the least regret."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from bayeslaw.design.beliefs import Beliefs
from bayeslaw.design.candidates import Cell
from bayeslaw.design.design_settings import DesignSettings
from bayeslaw.design.outcomes import Outcomes

# Candidates whose gains are computed exactly, after a quick look at all of them.
POOL = 160
# What a place in the list is taken to cost, in equal shares of the budget: at 0 the
# list fills with the cheapest runs, at more of it with dearer and better ones.
PLACES = (0.0, 0.1, 0.5, 2.0)


@dataclass(frozen=True)
class Candidate:
    """A run that could be made, with the loadings of its log losses."""

    cell: Cell
    mixture: Float[np.ndarray, " source"]
    loadings: Float[np.ndarray, "row checkpoint column"]
    log_ratio: Float[np.ndarray, " row"]
    gain: float  # expected fall of the regret, if it were the only run


@dataclass(frozen=True)
class Search:
    """A search for the best list.

    Attributes:
      now: what is believed before any run of it.
      outcomes: what draws say of their losses.
      budget: FLOPs of all runs together.
      settings: what the list may be.
    """

    now: Beliefs
    outcomes: Outcomes
    budget: float
    settings: DesignSettings

    @property
    def place(self) -> float:
        """An equal share of the budget."""
        return self.budget / self.settings.runs

    def pool(
        self,
        affordable: Sequence[Cell],
        mixtures: Float[np.ndarray, "candidate source"],
    ) -> list[Candidate]:
        """The candidates that a quick look finds best, whatever a place costs."""
        log_ratio, noise = self.outcomes.log_ratio, self.outcomes.noise
        loadings = [self.outcomes.loadings(cell) for cell in affordable]
        gains = np.array(
            [self.now.quick_gains(one, noise, log_ratio) for one in loadings]
        )
        cost = np.array([cell.cost for cell in affordable])[:, None]
        kept: set[tuple[int, int]] = set()
        for price in PLACES:
            score = gains / (cost + price * self.place)
            best = np.argsort(score, axis=None)[::-1][: POOL // len(PLACES)]
            kept |= {divmod(int(i), len(mixtures)) for i in best}
        # And the best of each size and token count: one of them may be the anchor.
        kept |= {(i, int(row.argmax())) for i, row in enumerate(gains)}
        found = []
        for i, j in sorted(kept):
            gained = self.now.reduction(loadings[i][j], noise, log_ratio[j])
            gain = self.now.scale * float(gained.sum())
            found.append(
                Candidate(
                    affordable[i], mixtures[j], loadings[i][j], log_ratio[j], gain
                )
            )
        return found

    def best(self, pool: Sequence[Candidate]) -> tuple[list[Candidate], int]:
        """The list that leaves the least regret; how many of it are anchors."""
        start = self._anchor(pool)
        places = (0.0,) if self.settings.is_frugal else PLACES
        lists = [self._greedy(pool, start, place * self.place) for place in places]
        regret = [self.after(picked).regret for picked in lists]
        return lists[int(np.argmin(regret))], len(start)

    def after(self, picked: Sequence[Candidate]) -> Beliefs:
        """Beliefs once these runs have been made."""
        beliefs = self.now.without_parameters()
        for one in picked:
            beliefs = beliefs.after(one.loadings, self.outcomes.noise, one.log_ratio)
        return beliefs

    def _anchor(self, pool: Sequence[Candidate]) -> list[Candidate]:
        share = self.settings.anchor * self.budget
        possible = [one for one in pool if one.cell.cost <= share]
        if not possible or self.settings.runs == 1:
            return []
        largest = max(one.cell.N for one in possible)
        same = [one for one in possible if one.cell.N == largest]
        return [max(same, key=lambda one: one.gain)]

    def _greedy(
        self, pool: Sequence[Candidate], start: Sequence[Candidate], place: float
    ) -> list[Candidate]:
        """One run after the other, by gain for its cost and that of its place.

        Gains hardly ever rise as more becomes known, so those from before bound them
        and only the best few are computed again (Minoux 1978, doi 10.1007/BFb0006528).
        """
        picked, beliefs = list(start), self.after(start)
        left = self.budget - sum(one.cell.cost for one in picked)
        prices = [one.cell.cost + place for one in pool]
        heap = [(-one.gain / prices[i], i, 0) for i, one in enumerate(pool)]
        heapq.heapify(heap)
        while (
            heap
            and len(picked) < self.settings.runs
            and beliefs.regret > self.settings.tolerance
        ):
            value, i, known = heapq.heappop(heap)
            one = pool[i]
            if one.cell.cost > left:
                continue
            if known != len(picked):
                gained = beliefs.reduction(
                    one.loadings, self.outcomes.noise, one.log_ratio
                )
                value = -beliefs.scale * float(gained.sum()) / prices[i]
                heapq.heappush(heap, (value, i, len(picked)))
                continue
            picked.append(one)
            left -= one.cell.cost
            beliefs = beliefs.after(one.loadings, self.outcomes.noise, one.log_ratio)
            # With another seed it may be the best again.
            heapq.heappush(heap, (value, i, known))
        return picked
