"""Jobs on several cores: done once each, failures told, nobody left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from job_samples import fail_on_odd, note_process

from bayeslaw.corpora.jobs import run_jobs
from bayeslaw.corpora.progress import no_report, progress_bars

SUPPORT = Path(__file__).parents[1] / "support"
KILLED = """
import sys
from pathlib import Path
from bayeslaw.corpora.jobs import run_jobs
from bayeslaw.corpora.progress import no_report
from job_samples import note_and_wait

if __name__ == "__main__":
    paths = [Path(sys.argv[1]) / str(n) for n in range(2)]
    run_jobs(note_and_wait, paths, stage="s", report=no_report, workers=2)
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_every_job_is_done_and_reported(tmp_path, workers):
    paths = [tmp_path / str(number) for number in range(5)]
    told = []

    def report(*words) -> None:
        told.append(words)

    run_jobs(note_process, paths, stage="s", report=report, workers=workers)
    processes = {int(path.read_text()) for path in paths}
    assert (os.getpid() in processes) == (workers == 1)
    assert len(processes) <= workers
    assert told == [("s", number, 5) for number in range(6)]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_job_that_fails_stops_the_others_with_its_error(workers):
    jobs = [2, 3, 4]
    with pytest.raises(ValueError, match="odd: 3"):
        run_jobs(fail_on_odd, jobs, stage="s", report=no_report, workers=workers)


def test_no_jobs_are_done_at_once():
    run_jobs(fail_on_odd, [], stage="s", report=no_report)


def test_a_killed_parent_leaves_no_process_behind(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(KILLED)
    path = os.pathsep.join([str(SUPPORT), str(SUPPORT.parents[1])])
    parent = subprocess.Popen(
        [sys.executable, script, tmp_path], env=os.environ | {"PYTHONPATH": path}
    )
    numbers = [tmp_path / str(number) for number in range(2)]
    wait_until(lambda: all(n.exists() and n.read_text() for n in numbers))
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    children = [int(number.read_text()) for number in numbers]
    wait_until(lambda: not any(map(is_alive, children)))


def is_alive(process: int) -> bool:
    """Whether a process runs; what has ended and is not yet collected does not."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def wait_until(is_so) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_progress_is_drawn_on_standard_error_or_not_at_all(capsys):
    for shown in (True, False):
        with progress_bars(shown=shown) as report:
            report("packages", 1, 2)
            report("packages", 2, 2)
        out, err = capsys.readouterr()
        assert out == ""
        assert ("packages" in err) is shown
