"""A cluster without one: the programs of Slurm, and training, replaced by stand-ins."""

import sys
import types
from pathlib import Path

import job_stand_ins
import pytest

import bayeslaw.proxy.execution.task as task_module

SBATCH = 'cp "$1" "$(dirname "$0")/script"; echo Submitted batch job 12'


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Puts programs of Slurm on PATH that do what the arguments say."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def install(*, sbatch: str = SBATCH, squeue: str = "true") -> Path:
        programs = {"sbatch": sbatch, "squeue": squeue, "srun": "true"}
        for name, text in programs.items():
            (folder / name).write_text(f"#!/bin/bash\n{text}\n")
            (folder / name).chmod(0o755)
        return folder / "script"

    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return install


@pytest.fixture
def worked_on(monkeypatch):
    """Runs trained, by a stand-in, in this process."""
    runs = []
    fake = types.ModuleType("bayeslaw.proxy.execution.worker")
    fake.work_on = lambda run: runs.append(run) or job_stand_ins.work_on(run)
    monkeypatch.setitem(sys.modules, fake.__name__, fake)
    monkeypatch.setattr(task_module, "worker_settings", lambda: {})
    return runs
