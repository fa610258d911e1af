"""Speed and utilisation as the log of a run tells them."""

import pytest
from proxy_studies import prepared_run

from bayeslaw.proxy.execution.worker import train_run
from bayeslaw.proxy.training import throughput
from bayeslaw.proxy.training.throughput import Throughput, peak_flops


def test_the_peak_is_that_of_all_devices_and_unknown_for_others():
    assert peak_flops("NVIDIA H100 80GB HBM3", 8) == 8 * 989e12
    assert peak_flops("TPU v5 lite", 1) == 197e12
    assert peak_flops("cpu", 1) is None


def test_utilisation_is_the_models_flop_over_the_peak(monkeypatch):
    clock = iter([100.0, 102.0])
    monkeypatch.setattr(throughput.time, "monotonic", lambda: next(clock))
    found = Throughput(989_000_000, 989e12).measure(1_000_000)
    assert found["tokens_per_second"] == 500_000
    assert found["mfu"] == pytest.approx(0.5)


def test_every_chunk_of_a_run_is_logged_once_and_losses_fall(tmp_path):
    spec, run = prepared_run(tmp_path)
    train_run(run)
    lines = run.read_log()
    assert [line["step"] for line in lines if line["schedule"] == "trunk"] == list(
        range(2, 1 + spec.tokens[-1] // spec.training.tokens_per_step, 2)
    )
    assert lines[-1]["loss"] < lines[0]["loss"]
    for line in lines:
        assert line["tokens"] == line["step"] * spec.training.tokens_per_step
        assert line["gradient_norm"] > 0
        assert line["tokens_per_second"] > 0
        assert "mfu" not in line


def test_an_unfinished_line_of_a_killed_process_is_passed_over(tmp_path):
    _, run = prepared_run(tmp_path)
    run.log({"leg": 0, "step": 2, "loss": 5.0})
    with open(run.path / "log.jsonl", "a", encoding="utf-8") as file:
        file.write('{"leg": 0, "st')
    assert [line["loss"] for line in run.read_log()] == [5.0]
