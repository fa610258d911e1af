"""The record of the runs to make next, and the sentences that go with it."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Stop = Literal["settled", "not worth it", "unaffordable"]


@dataclass(frozen=True)
class NextRun:
    """One run to make, and why.

    Attributes:
      proxy: name of its size.
      N: non-embedding parameters.
      tokens: training tokens of each of its cooled models, rising.
      mixture: sampling ratios by family.
      seed: its seed; above 0 where the same run was made with others.
      cost: FLOPs.
      gain: expected regret that it takes away, a share of the loss, once those above
        it in the list are made.
      family: the family whose ratio it tells most about.
      family_share: share of the gain that lies there.
      parameter: the coordinate of the law that it tells most about for that ratio.
      sd_now: standard deviation of that coordinate before the run.
      sd_then: the same after it.
      is_anchor: whether it was chosen to be as large as can be paid.
    """

    proxy: str
    N: float
    tokens: tuple[float, ...]
    mixture: dict[str, float]
    seed: int
    cost: float
    gain: float
    family: str
    family_share: float
    parameter: str
    sd_now: float
    sd_then: float
    is_anchor: bool = False

    @property
    def why(self) -> str:
        """The reason in one clause."""
        kind = "as large as the budget pays: " if self.is_anchor else ""
        kind = f"again with seed {self.seed}: " if self.seed else kind
        return (
            f"{kind}{self.family} ({self.family_share:.0%} of the gain): "
            f"{self.parameter} from sd {self.sd_now:.2g} to {self.sd_then:.2g}"
        )


@dataclass(frozen=True)
class NextRuns:
    """Runs to make next, and what they are expected to do for the decision.

    Attributes:
      families: language families, in the order of the posterior.
      N: non-embedding parameters of the target run.
      D: training tokens of the target run.
      origin: origin of the rows behind the posterior.
      ratios: the mixture that would be chosen now.
      runs: the runs, best first; empty if `stop` says why.
      regret: expected regret of choosing now, a share of the loss.
      regret_then: the same once the runs are made.
      budget: FLOPs that they may cost.
      cost: FLOPs that they cost.
      candidates: runs that were looked at.
      stop: why no more runs should be made, or None.
      tolerance: regret below which the choice counts as settled.
      worth: what the runs' gain is worth in FLOPs for proxies: what the loss gained
        would cost in tokens of the target run, times the exchange.
      failed_checks: checks of the posterior that failed and were allowed to.
      warnings: what the checks warn of, one clause each.
      table_sha256: hash of the table behind the posterior.
    """

    families: tuple[str, ...]
    N: float
    D: float
    origin: str
    ratios: dict[str, float]
    runs: tuple[NextRun, ...]
    regret: float
    regret_then: float
    budget: float
    cost: float
    candidates: int
    stop: Stop | None
    tolerance: float
    worth: float
    failed_checks: tuple[str, ...]
    warnings: tuple[str, ...]
    table_sha256: str

    def to_dict(self) -> dict[str, Any]:
        """Plain record for JSON."""
        record = asdict(self)
        for run, plain in zip(self.runs, record["runs"], strict=True):
            plain["why"] = run.why
        return record

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> "NextRuns":
        """From a record that went through JSON."""
        runs = [{k: v for k, v in run.items() if k != "why"} for run in record["runs"]]
        names = ("families", "failed_checks", "warnings")
        lists = {name: tuple(record[name]) for name in names}
        made = tuple(NextRun(**run | {"tokens": tuple(run["tokens"])}) for run in runs)
        return cls(**record | lists | {"runs": made})

    def sentences(self) -> list[str]:
        """What the numbers mean, most important first."""
        lines = []
        if self.failed_checks:
            lines.append(
                "FAILED CHECKS: "
                + ", ".join(self.failed_checks)
                + ". These runs were chosen all the same because that was allowed."
            )
        lines += [f"Look before you trust: {warning}." for warning in self.warnings]
        if self.stop:
            return [*lines, self._stopped()]
        return [
            *lines,
            f"Chosen now, the ratios cost {_percent(self.regret)} of the loss by not "
            f"knowing the law better; after these runs {_percent(self.regret_then)} "
            f"(expected, {self.origin} rows).",
            f"They cost {self.cost:.3g} of {self.budget:.3g} FLOPs, and are worth "
            f"{self.worth:.3g}: what the loss gained would cost in tokens of the "
            "target run.",
        ]

    def _stopped(self) -> str:
        if self.stop == "settled":
            return (
                f"Make no more runs: chosen now, the ratios cost "
                f"{_percent(self.regret)} of the loss by not knowing the law better, "
                f"within the {_percent(self.tolerance)} that counts as nothing. More "
                "proxies cannot change this decision by more."
            )
        if self.stop == "not worth it":
            return (
                f"Make no more runs: the best would take {_percent(self.regret)} of "
                f"regret to {_percent(self.regret_then)} for {self.cost:.3g} FLOPs, "
                f"and that is worth {self.worth:.3g}: what the loss gained would cost "
                "in tokens of the target run."
            )
        return (
            f"No run can be paid: the cheapest costs {self.cost:.3g} FLOPs and "
            f"{self.budget:.3g} are left."
        )


def _percent(share: float) -> str:
    return "< 0.001%" if share < 1e-5 else f"{100 * share:.2g}%"
