"""Several devices: the same training as on one, whatever is divided over them.

The devices are virtual: XLA divides the CPU of a process of their own into eight.
"""

import json
import os
import socket
import subprocess
import sys

import jax
import numpy as np
import pytest
from proxy_studies import prepared_run, write_study

from bayeslaw.data.losses import read_runs
from bayeslaw.errors import InputError
from bayeslaw.proxy.execution.distributed import check_batch
from bayeslaw.proxy.execution.worker import train_run
from bayeslaw.proxy.study.study_file import read_study
from bayeslaw.proxy.training.mesh import Layout

# Trains four chunks of eight sequences on so many devices and prints what it measured.
TRAIN = """
import json, sys
import jax, numpy as np
from bayeslaw.proxy.study.config import RunSpec
from bayeslaw.proxy.training.mesh import Layout
from bayeslaw.proxy.training.training_program import advance_chunk, program_of
from bayeslaw.proxy.study.schedule import legs

spec = RunSpec.model_validate_json(sys.argv[1])
layout = Layout(tuple(jax.devices()[: int(sys.argv[2])]), sys.argv[3])
program = program_of(spec, layout=layout)
state, losses = program.init(spec.entropy), []
for step in range(0, 8, 2):
    state, measured = advance_chunk(program, spec, legs(spec)[0], state, step)
    losses += np.asarray(measured["loss"]).tolist()
score = program.evaluate(state["params"])
held = [len(leaf.sharding.device_set) * leaf.addressable_shards[0].data.size / leaf.size
        for leaf in jax.tree.leaves(state["params"]) if leaf.ndim > 1]
print(json.dumps({"loss": losses, "score": [s.value for s in score.values()],
                  "copies": held}))
"""


def trained(spec, devices: int, weights: str) -> dict:
    flags = "--xla_force_host_platform_device_count=8"
    command = [sys.executable, "-c", TRAIN, spec.model_dump_json(), str(devices)]
    done = subprocess.run(
        [*command, weights],
        env=os.environ | {"XLA_FLAGS": flags},
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    found, _ = prepared_run(tmp_path_factory.mktemp("study"), tokens=(4096,))
    training = found.training.model_copy(update={"batch_size": 8})
    return found.model_copy(update={"training": training})


@pytest.fixture(scope="module")
def alone(spec):
    return trained(spec, 1, "replicated")


@pytest.mark.parametrize(
    "weights", [pytest.param("replicated", marks=pytest.mark.slow), "full"]
)
def test_eight_devices_train_the_same_proxy_as_one(spec, alone, weights):
    together = trained(spec, 8, weights)
    # Sums in another order, in float32, over eight steps.
    np.testing.assert_allclose(together["loss"], alone["loss"], rtol=2e-6)
    np.testing.assert_allclose(together["score"], alone["score"], rtol=2e-6)
    # Copies of each matrix: one on every device, or one in all.
    assert together["copies"] == [8.0 if weights == "replicated" else 1.0] * 6


def test_a_batch_in_parts_gives_the_gradient_of_the_whole(spec, alone):
    parts = spec.training.model_copy(update={"accumulation": 4})
    together = trained(spec.model_copy(update={"training": parts}), 2, "replicated")
    np.testing.assert_allclose(together["loss"], alone["loss"], rtol=2e-6)
    assert together["loss"] != alone["loss"]


# Trains a run on so many devices; stops after so many chunks, if any.
RUN = """
import sys
from pathlib import Path
import jax
import bayeslaw.proxy.training.leg as leg_module
from bayeslaw.proxy.study.run_folder import RunFolder
from bayeslaw.proxy.training.mesh import Layout
from bayeslaw.errors import InputError
from bayeslaw.proxy.execution.distributed import check_batch
from bayeslaw.proxy.training.mesh import Layout
from bayeslaw.proxy.study.study_file import read_study
from bayeslaw.proxy.execution.worker import train_run

whole, left = leg_module.advance_chunk, [int(sys.argv[3])]

def stopping(*arguments):
    left[0] -= 1
    if left[0] == -1:
        sys.exit(0)
    return whole(*arguments)

leg_module.advance_chunk = stopping
devices = tuple(jax.devices()[: int(sys.argv[2])])
train_run(RunFolder(Path(sys.argv[1])), Layout(devices, "full"))
"""


def run_on(devices: int, run, *, stop_after: int) -> None:
    command = [sys.executable, "-c", RUN, str(run.path), str(devices), str(stop_after)]
    flags = "--xla_force_host_platform_device_count=8"
    subprocess.run(command, env=os.environ | {"XLA_FLAGS": flags}, check=True)


def values(run) -> list[float]:
    return [row["value"] for row in run.read_rows()]


@pytest.mark.slow
def test_a_run_goes_on_on_another_number_of_devices(tmp_path):
    _, moved = prepared_run(tmp_path / "moved")
    _, whole = prepared_run(tmp_path / "whole")
    run_on(1, whole, stop_after=-2)
    for devices, chunks in ((2, 3), (1, 4), (2, -2)):
        assert not moved.is_finished
        run_on(devices, moved, stop_after=chunks)
    assert moved.is_finished
    # Two sequences a batch: on two devices each sum has two parts.
    np.testing.assert_allclose(values(moved), values(whole), rtol=1e-5)


def test_a_batch_that_does_not_divide_over_the_devices_is_refused(tmp_path):
    study, device = read_study(write_study(tmp_path)), jax.devices()[0]
    check_batch(study, Layout((device,) * 2), "study.toml")
    with pytest.raises(InputError, match="multiple of 4"):
        check_batch(study, Layout((device,) * 4), "study.toml")


PROCESS = """
import sys
from bayeslaw.proxy.execution.distributed import train_together

address, process, path, weights = sys.argv[1:]
print(train_together(path, weights=weights, coordinator_address=address,
                     num_processes=2, process_id=int(process)))
"""


def free_address() -> str:
    with socket.socket() as found:
        found.bind(("localhost", 0))
        return f"localhost:{found.getsockname()[1]}"


@pytest.mark.slow
@pytest.mark.parametrize("weights", ["replicated", "full"])
def test_two_processes_train_a_study_as_one_does(tmp_path, weights):
    alone = prepared_run(tmp_path / "alone")[1]
    train_run(alone)
    path, address = write_study(tmp_path / "together"), free_address()
    command = [sys.executable, "-c", PROCESS, address]
    processes = [
        subprocess.Popen(
            [*command, str(process), str(path), weights],
            stdout=subprocess.PIPE,
            text=True,
        )
        for process in range(2)
    ]
    added = [process.communicate(timeout=300)[0] for process in processes]
    assert [int(text.split()[-1]) for text in added] == [8, 0]
    table = read_runs(tmp_path / "together" / "observations.csv")
    np.testing.assert_allclose(table.columns["value"], values(alone), rtol=1e-5)
