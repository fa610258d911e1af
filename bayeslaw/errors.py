"""The error that a user's mistake raises, with a message of five parts."""

import sys
from importlib.util import find_spec


class InputError(ValueError):
    """A user's input is wrong; the message has five parts.

    Args:
      what: what is wrong, a clause without a full stop.
      where: file, row, column or argument.
      got: the offending value or values.
      wanted: what would have been accepted.
      fix: what to do about it, a clause in the imperative.

    Example:
      >>> raise InputError("ratio out of range", "runs.csv, column p, row 14",
      ...     "1.2", "a sampling ratio in (0, 1]", "divide percentages by 100")
      Traceback (most recent call last):
      ...
      bayeslaw.errors.InputError: ratio out of range
        where:    runs.csv, column p, row 14
        got:      1.2
        expected: a sampling ratio in (0, 1]
        fix:      divide percentages by 100
    """

    def __init__(self, what: str, where: str, got: str, wanted: str, fix: str):
        self.what, self.where, self.got = what, where, got
        self.wanted, self.fix = wanted, fix
        super().__init__(
            f"{what}\n  where:    {where}\n  got:      {got}\n"
            f"  expected: {wanted}\n  fix:      {fix}"
        )


class InputErrors(InputError):
    """Several input errors found in one pass, reported together.

    Args:
      errors: at least one error.
      source: the file they were found in.
    """

    def __init__(self, errors: list[InputError], source: str):
        self.errors = errors
        ValueError.__init__(
            self,
            f"{source}: {len(errors)} problem{'s' if len(errors) > 1 else ''}\n\n"
            + "\n\n".join(str(error) for error in errors),
        )


def file_error(error: OSError) -> InputError:
    """The five parts of a path that the operating system refuses."""
    return InputError(
        "file cannot be read or written",
        str(error.filename or "standard input or output"),
        error.strerror or str(error),
        "a path that you may read or write",
        "check the path, its permissions and the free disk space",
    )


def require_extra(module: str, extra: str, purpose: str) -> None:
    """Refuse what needs a library that an extra installs, where it is missing.

    Args:
      module: name under which the library is imported.
      extra: the extra of bayeslaw, such as "parquet".
      purpose: the file, option or section that needs it.

    Raises:
      InputError: the library is not installed.
    """
    if sys.modules.get(module) is None and find_spec(module) is None:
        raise InputError(
            f"{module} is not installed",
            purpose,
            f"a Python without the package {module}",
            f"bayeslaw with its extra `{extra}`",
            f'pip install "bayeslaw[{extra}]"',
        )


class FailedChecksError(RuntimeError):
    """A posterior failed its checks, so no decision is made from it."""
