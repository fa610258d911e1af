"""The one error that a user's mistake raises, and how its message is put together."""


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
        where:  runs.csv, column p, row 14
        got:    1.2
        wanted: a sampling ratio in (0, 1]
        fix:    divide percentages by 100
    """

    def __init__(self, what: str, where: str, got: str, wanted: str, fix: str):
        self.what, self.where, self.got = what, where, got
        self.wanted, self.fix = wanted, fix
        super().__init__(
            f"{what}\n  where:  {where}\n  got:    {got}\n"
            f"  wanted: {wanted}\n  fix:    {fix}"
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
        "a path that this user may read or write",
        "check the path, its permissions and the space left",
    )


class FailedChecksError(RuntimeError):
    """A posterior failed its checks and must not be turned into a decision."""
