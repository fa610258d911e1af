"""Train one run on the devices of several processes, on one machine or many.

Every process runs the same program on the same study; JAX adds the communication. The
first process writes and the others read, so all need the study's folder at the same
path.
"""

from pathlib import Path
from typing import Any

import jax
from jax.experimental import multihost_utils

from bayeslaw.errors import InputError
from bayeslaw.proxy.execution.measured_rows import collect
from bayeslaw.proxy.execution.worker import train_run
from bayeslaw.proxy.study import (
    RunFolder,
    RunSpec,
    StudyFile,
    expand,
    read_study,
    tokens_trained,
    training_corpus,
)
from bayeslaw.proxy.training import Layout, Sharding, TrainingDiverged


def train_together(
    path: str | Path, *, weights: Sharding = "replicated", **cluster: Any
) -> int:
    """Train the runs of a study one after the other, each on all devices.

    Call it in every process. Finished runs are skipped, and unfinished runs resume from
    their last checkpoint, even on another number of devices.

    Args:
      path: the study file.
      weights: "replicated", or "full" to divide weights over the devices (FSDP).
      **cluster: arguments of `jax.distributed.initialize`: `coordinator_address`,
        `num_processes`, `process_id`. Found automatically under Slurm, Open MPI,
        Kubernetes and on TPUs.

    Returns:
      number of observations added to the table, by the first process.

    Raises:
      InputError: the batch does not divide over the devices.
    """
    jax.distributed.initialize(**cluster)
    folder, layout = Path(path).parent, Layout.of_all(weights)
    is_first = jax.process_index() == 0
    study = read_study(path)
    check_batch(study, layout, path)
    specs = sorted(expand(study), key=tokens_trained, reverse=True)
    corpus_folder = training_corpus(study, folder)
    runs = [_prepare(folder, spec, corpus_folder, is_first) for spec in specs]
    for run in runs:
        # Whether a run is over is asked when nobody writes.
        multihost_utils.sync_global_devices(run.path.name)
        if not run.is_finished and not run.failure:
            _train(run, layout)
    return collect(folder, runs) if is_first else 0


def check_batch(study: StudyFile, layout: Layout, path: str | Path) -> None:
    """Refuse a batch that would give the devices unequal parts."""
    training, n = study.training, len(layout.devices)
    if training.batch_size % (training.accumulation * n):
        raise InputError(
            "batch does not divide over the devices",
            f"{path}, [training] batch_size",
            f"{training.batch_size} sequences in {training.accumulation} forward "
            f"passes on {n} devices",
            f"a multiple of {training.accumulation * n} (accumulation * devices)",
            "change batch_size or accumulation, or use another number of devices",
        )


def _prepare(
    folder: Path, spec: RunSpec, corpus_folder: Path | None, is_first: bool
) -> RunFolder:
    run = RunFolder(RunFolder.of(folder, spec).path, writes=is_first)
    if is_first:
        run.prepare(spec, corpus_folder)
    return run


def _train(run: RunFolder, layout: Layout) -> None:
    """Train one run; a loss that is not finite ends it in all processes."""
    try:
        train_run(run, layout)
    except TrainingDiverged as error:
        run.fail(kind="diverged", reason=str(error))
