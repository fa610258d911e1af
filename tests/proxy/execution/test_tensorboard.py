"""Event files of TensorBoard hold what the logs of the runs say, each point once."""

import struct
import sys

import pytest
from proxy_studies import prepared_run
from tensorboardX.proto.event_pb2 import Event

from bayeslaw.errors import InputError
from bayeslaw.proxy.execution.tensorboard import TensorBoard


def scalars(folder):
    """(tag, step) -> value of all event files of a folder."""
    found = {}
    for path in folder.glob("events.out.tfevents.*"):
        content, at = path.read_bytes(), 0
        while at < len(content):
            (size,) = struct.unpack_from("<Q", content, at)
            event = Event.FromString(content[at + 12 : at + 12 + size])
            at += size + 16
            for value in event.summary.value:
                assert (value.tag, event.step) not in found
                found[value.tag, event.step] = value.simple_value
    return found


def line(leg, step, tokens, loss):
    return {"leg": leg, "step": step, "tokens": tokens, "loss": loss, "rate": 0.5}


def test_every_point_is_copied_once_also_by_a_second_process(tmp_path):
    spec, run = prepared_run(tmp_path / "study")
    run.log(line(0, 2, 128, 5.0))
    first = TensorBoard(tmp_path / "board")
    first.update([run])
    # Leg 1 is the first fork, cooled to 512 tokens.
    run.log(line(1, 8, 512, 4.0))
    run.save_rows([{"family": "indic", "schedule": "cooled", "value": 3.0, "D": 512}])
    first.update([run])
    wanted = {("loss/trunk", 128): 5.0, ("rate/trunk", 128): 0.5}
    assert scalars(tmp_path / "board" / spec.run) == wanted  # too early to look again
    first.close([run])
    wanted |= {
        ("loss/cooled-512", 512): 4.0,
        ("rate/cooled-512", 512): 0.5,
        ("held_out/indic-cooled", 512): 3.0,
    }
    assert scalars(tmp_path / "board" / spec.run) == wanted
    TensorBoard(tmp_path / "board").close([run])
    assert scalars(tmp_path / "board" / spec.run) == wanted


def test_a_run_that_has_not_begun_has_no_event_file(tmp_path):
    _, run = prepared_run(tmp_path / "study")
    TensorBoard(tmp_path / "board").close([run])
    assert not (tmp_path / "board").exists()


def test_without_tensorboardx_the_user_is_told_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(InputError, match=r'pip install "bayeslaw\[tensorboard\]"'):
        TensorBoard(tmp_path)
