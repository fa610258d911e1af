"""Jobs that other processes can find by name."""

import os
import time
from pathlib import Path


def note_process(path: Path) -> None:
    """Writes the number of the process that does the job."""
    path.write_text(str(os.getpid()))


def fail_on_odd(number: int) -> None:
    """Fails for odd numbers."""
    if number % 2:
        raise ValueError(f"odd: {number}")


def note_and_wait(path: Path) -> None:
    """Writes the number of the process, then goes on for longer than a test."""
    note_process(path)
    time.sleep(120)
