"""The record of a check, and of all checks of one posterior."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Verdict = Literal["ok", "note", "warn", "fail"]


@dataclass(frozen=True)
class Check:
    """One check of a posterior.

    Attributes:
      name: what was checked.
      value: what was found, in words or numbers.
      threshold: what was wanted.
      verdict: "ok"; "note" (worth knowing); "warn" (look before you trust);
        "fail" (blocks decisions).
      advice: what to do if the verdict is not "ok".
      source: reference of the threshold.
    """

    name: str
    value: str
    threshold: str
    verdict: Verdict
    advice: str
    source: str


@dataclass(frozen=True)
class Checks:
    """All checks of one posterior."""

    checks: tuple[Check, ...]

    @property
    def is_passed(self) -> bool:
        """Whether no check failed."""
        return not self.failures

    @property
    def failures(self) -> tuple[Check, ...]:
        """The checks that block a decision."""
        return tuple(check for check in self.checks if check.verdict == "fail")

    @property
    def warnings(self) -> tuple[Check, ...]:
        """The checks to look at before a decision is trusted."""
        return tuple(check for check in self.checks if check.verdict == "warn")

    def clauses(self) -> tuple[str, ...]:
        """What is warned of, one clause each."""
        return tuple(f"{check.name}: {check.value}" for check in self.warnings)

    def to_dict(self) -> dict[str, Any]:
        """Plain record for JSON."""
        return {
            "is_passed": self.is_passed,
            "checks": [asdict(check) for check in self.checks],
        }
