"""The record of the runs to make next, and the sentences that go with it."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from bayeslaw.checks import warning_sentence
from bayeslaw.numbers import percent

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
        kind = "as large as the budget allows: " if self.is_anchor else ""
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
                + ". Do not trust this posterior. These runs were chosen only because "
                "you allowed failed checks."
            )
        lines += [warning_sentence(one) for one in self.warnings]
        if self.stop:
            return [*lines, self._stopped()]
        return [
            *lines,
            "If you choose the ratios now, the expected regret is "
            f"{percent(self.regret)} of the loss; after these runs it is "
            f"{percent(self.regret_then)} ({self.origin} rows).",
            f"The runs cost {self.cost:.3g} of {self.budget:.3g} FLOPs. Buying the "
            "same improvement with more tokens of the target run would cost "
            f"{self.worth:.3g} FLOPs.",
        ]

    def _stopped(self) -> str:
        if self.stop == "settled":
            return (
                "Train no more proxies: if you choose the ratios now, the expected "
                f"regret is {percent(self.regret)} of the loss, within the tolerance "
                f"of {percent(self.tolerance)}. More runs cannot improve the decision "
                "by more than that."
            )
        if self.stop == "not worth it":
            return (
                "Train no more proxies: the best runs would reduce the expected regret "
                f"from {percent(self.regret)} to {percent(self.regret_then)} for "
                f"{self.cost:.3g} FLOPs. Buying the same improvement with more tokens "
                f"of the target run would cost {self.worth:.3g} FLOPs."
            )
        return (
            f"No run is affordable: the cheapest costs {self.cost:.3g} FLOPs and "
            f"{self.budget:.3g} are left."
        )
