"""Progress of a build, stage by stage, on standard error."""

import contextlib
from collections.abc import Callable, Iterator

# (stage, done, of how many); called often, and with done = total at the end of a stage.
Report = Callable[[str, int, int], None]


def no_report(stage: str, done: int, total: int) -> None:
    """Report nothing."""


@contextlib.contextmanager
def progress_bars(*, shown: bool) -> Iterator[Report]:
    """Draw a progress bar for each stage.

    Args:
      shown: whether to draw anything.
    """
    if not shown:
        yield no_report
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (TextColumn("{task.description:<20}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(*columns, TimeElapsedColumn(), console=console) as bars:
        tasks = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage)
            bars.update(tasks[stage], completed=done, total=total)

        yield report
