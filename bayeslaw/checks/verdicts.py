"""The result of one check, and of all checks of a posterior."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Verdict = Literal["ok", "note", "warn", "fail"]


@dataclass(frozen=True)
class Check:
    """The result of one check of a posterior.

    Attributes:
      name: what was checked.
      value: what was found, in words or numbers.
      threshold: the limit that the value should keep.
      verdict: "ok"; "note" (worth knowing); "warn" (read it before you rely on the
        result); "fail" (blocks decisions).
      advice: the consequence and what to do, if the verdict is not "ok".
      source: reference for the threshold.
    """

    name: str
    value: str
    threshold: str
    verdict: Verdict
    advice: str
    source: str

    @property
    def clause(self) -> str:
        """Name, value, limit and advice as one clause, without a full stop."""
        limit = f" (limit: {self.threshold})" if self.threshold else ""
        advice = f"; {self.advice}" if self.advice else ""
        return f"{self.name}: {self.value}{limit}{advice}"


@dataclass(frozen=True)
class Checks:
    """The results of all checks of one posterior."""

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
        """The checks to read before you rely on a decision."""
        return tuple(check for check in self.checks if check.verdict == "warn")

    def clauses(self) -> tuple[str, ...]:
        """Each warning as one clause: name, value, limit and advice."""
        return tuple(check.clause for check in self.warnings)

    def to_dict(self) -> dict[str, Any]:
        """Convert to a plain record for JSON."""
        return {
            "is_passed": self.is_passed,
            "checks": [asdict(check) for check in self.checks],
        }


def warning_sentence(clause: str) -> str:
    """Write one of `Checks.clauses` as a sentence that begins with its check.

    Example:
      >>> warning_sentence("R-hat: worst 1.2 (limit 1.01); run longer")
      'Warning (R-hat): worst 1.2 (limit 1.01); run longer.'
    """
    name, _, found = clause.partition(": ")
    return f"Warning ({name}): {found}."
