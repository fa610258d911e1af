"""Training of one run: it learns, stops on NaN, and resumes bit for bit."""

import io
import json
import math
import os
import signal
import subprocess
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from proxy_studies import prepared_run

import bayeslaw.proxy.training.leg as leg_module
from bayeslaw.data.losses import read_runs
from bayeslaw.proxy.execution.pool import worker_environment
from bayeslaw.proxy.execution.worker import main, train_run
from bayeslaw.proxy.study.run_folder import RunFolder
from bayeslaw.proxy.study.schedule import legs
from bayeslaw.proxy.training.checkpoint import Checkpoints, Position
from bayeslaw.proxy.training.evaluate import held_out_starts, token_nats
from bayeslaw.proxy.training.training_program import (
    TrainingDiverged,
    advance_chunk,
    program_of,
)
from bayeslaw.proxy.training.transformer import init_transformer


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run trained without interruption."""
    spec, run = prepared_run(tmp_path_factory.mktemp("study"))
    train_run(run)
    return spec, run


def test_every_length_schedule_and_family_has_a_complete_row(finished, tmp_path):
    spec, run = finished
    rows = run.read_rows()
    found = {(row["D"], row["schedule"], row["family"]) for row in rows}
    wanted = {
        (tokens, schedule, family)
        for tokens in spec.tokens
        for schedule in ("trunk", "cooled")
        for family in ("germanic", "indic")
    }
    assert found == wanted
    assert len(rows) == len(wanted)
    from bayeslaw.data.losses import append_rows

    append_rows(tmp_path / "table.csv", rows)
    table = read_runs(tmp_path / "table.csv")
    assert len(table) == len(rows)
    assert table.mixtures[spec.run] == spec.mixture
    for row in rows:
        assert row["unit"] == "bits/byte"
        assert row["origin"] == "measured"
        assert row["se"] > 0
        assert row["versions"].endswith(f"spec {spec.hash}")
        assert row["unique_tokens"] > 1_000_000
        assert row["N"] == 4 * 16**2 + 3 * 16 * 48 + 3 * 16
        assert row["flops"] == row["D"] * (
            6 * (row["N"] + 257 * 16) + 12 * 1 * 16 * spec.training.context
        )


def test_a_proxy_learns(finished):
    value = {
        (r["D"], r["schedule"], r["family"]): r["value"]
        for r in finished[1].read_rows()
    }
    for family in ("germanic", "indic"):
        assert value[1024, "trunk", family] < value[512, "trunk", family]
        assert value[512, "trunk", family] < math.log2(257)


def test_a_finished_run_keeps_no_checkpoint(finished):
    assert finished[1].is_finished
    assert not finished[1].checkpoints.exists()


def test_the_same_run_gives_the_same_bits(finished, tmp_path):
    _, again = prepared_run(tmp_path)
    train_run(again)
    assert again.read_rows() == finished[1].read_rows()


def test_another_mixture_gives_other_numbers(finished, tmp_path):
    _, other = prepared_run(tmp_path, mixtures=("some",))
    train_run(other)
    pairs = zip(other.read_rows(), finished[1].read_rows(), strict=True)
    assert all(a["value"] != b["value"] for a, b in pairs)


@pytest.mark.parametrize("chunks", [1, 3, 5, 7, 9, 10])
def test_a_run_stopped_anywhere_resumes_bit_for_bit(
    finished, tmp_path, monkeypatch, chunks
):
    """Stopped after each kind of leg, and inside a trunk and inside a fork."""
    _, run = prepared_run(tmp_path)
    done = []

    def stopping(*arguments):
        if len(done) == chunks:
            raise KeyboardInterrupt
        done.append(1)
        return advance_chunk(*arguments)

    monkeypatch.setattr(leg_module, "advance_chunk", stopping)
    with pytest.raises(KeyboardInterrupt):
        train_run(run)
    assert not run.is_finished
    monkeypatch.setattr(leg_module, "advance_chunk", advance_chunk)
    train_run(run)
    assert run.read_rows() == finished[1].read_rows()


def test_a_loss_that_is_not_finite_stops_the_run_and_is_recorded(tmp_path, monkeypatch):
    spec, run = prepared_run(tmp_path, rate=1e30)
    with pytest.raises(
        TrainingDiverged, match=r"not finite at step \d+ .*learning_rate"
    ):
        train_run(run)
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{run.path}\n"))
    main()
    assert run.failure["kind"] == "diverged"
    assert spec.run in run.failure["reason"]
    assert not run.is_finished


def test_an_unforeseen_error_fails_one_run_and_the_next_goes_on(
    tmp_path, finished, monkeypatch
):
    _, broken = prepared_run(tmp_path / "broken")
    (broken.path / "spec.json").write_text("{}", encoding="utf-8")
    _, sound = prepared_run(tmp_path / "sound")
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{broken.path}\n{sound.path}\n"))
    main()
    assert broken.failure["kind"] == "crashed"
    assert "Field required" in broken.failure["reason"]
    assert sound.read_rows() == finished[1].read_rows()


def test_a_checkpoint_restores_every_bit_and_replaces_the_older(tmp_path, finished):
    spec, _ = finished
    program, leg = program_of(spec), legs(spec)[0]
    state, _ = advance_chunk(program, spec, leg, program.init(spec.entropy), 0)
    states = {"trunk": state, "fork": program.init(1)}
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(Position(0, 2), {"trunk": program.init(2)})
    checkpoints.save(Position(0, 4), {"trunk": program.init(2)})
    checkpoints.save(Position(1, 8), states)
    checkpoints.close()
    assert checkpoints.latest() == Position(1, 8)
    # The newest and, in case it had been cut short, the one before.
    assert len(list(tmp_path.iterdir())) == 2
    like = dict.fromkeys(("trunk", "fork"), program.init(3))
    restored = checkpoints.load(Position(1, 8), like)
    jax.tree.map(np.testing.assert_array_equal, restored, states)
    assert jax.tree.structure(restored) == jax.tree.structure(states)


def test_what_a_killed_save_left_is_not_looked_at_and_is_cleared(tmp_path):
    for step in (4, 8):
        (tmp_path / f"leg-0001-step-{step:012d}.orbax-checkpoint-tmp").mkdir()
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.latest() is None
    checkpoints.save(Position(1, 8), {"trunk": jnp.ones(3)})
    checkpoints.close()
    assert [path.name for path in tmp_path.iterdir()] == ["leg-0001-step-000000000008"]


def test_an_untrained_proxy_scores_the_entropy_of_a_uniform_guess(finished):
    program = program_of(finished[0])
    for score in program.evaluate(program.init(0)["params"]).values():
        assert score.value == pytest.approx(math.log2(257), rel=1e-6)
        assert score.se == pytest.approx(0, abs=1e-6)


def test_the_score_is_the_mean_over_bytes_with_document_errors(finished):
    """Against a plain loop over windows, and the ratio estimator written out."""
    spec, _ = finished
    program, context = program_of(spec), spec.training.context
    params = program.init(0)["params"]
    params["unembedding"] = 0.3 * jax.random.normal(
        jax.random.key(1), params["unembedding"].shape
    )
    _, apply = init_transformer(spec.proxy, 257, jax.random.key(0))
    held_out = program.corpus.held_out
    starts = held_out_starts(program.corpus, context, spec.training.eval_tokens)[1]
    assert len(starts) == 16
    stream = jnp.asarray(held_out.stream)
    bits, size = {}, {}
    for start in starts:
        at = jnp.array([start], jnp.int32)
        nats, target = token_nats(apply, params, stream, at, context)
        for i in range(context):
            if target[0, i] != 256:
                document = int(held_out.document[start + 1 + i])
                loss = float(nats[0, i]) / math.log(2)
                bits[document] = bits.get(document, 0) + loss
                size[document] = size.get(document, 0) + 1
    value = sum(bits.values()) / sum(size.values())
    residuals = [bits[d] - value * size[d] for d in bits]
    n = len(bits)
    se = math.sqrt(n / (n - 1) * sum(r * r for r in residuals)) / sum(size.values())
    score = program.evaluate(params)["indic"]
    assert score.value == pytest.approx(value, rel=1e-5)
    assert score.se == pytest.approx(se, rel=1e-4)


def start_worker(*runs: RunFolder) -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "-m", "bayeslaw.proxy.execution.worker"],
        stdin=subprocess.PIPE,
        env=worker_environment(),
        text=True,
    )
    process.stdin.write("".join(f"{run.path}\n" for run in runs))
    process.stdin.close()
    return process


def kill_worker_at(run: RunFolder, tokens: int) -> None:
    """Trains until so many tokens are done, then kills the process without a word."""
    process = start_worker(run)
    deadline = time.monotonic() + 120
    while run.tokens_done < tokens:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not run.is_finished


@pytest.mark.slow
def test_a_killed_process_loses_no_row_and_resumes_bit_for_bit(tmp_path):
    settings = {"tokens": (512, 1024, 2048)}
    _, killed = prepared_run(tmp_path / "killed", **settings)
    _, whole = prepared_run(tmp_path / "whole", **settings)
    kill_worker_at(killed, tokens=1100)
    rows = killed.read_rows()
    assert rows
    assert Checkpoints(killed.checkpoints).latest()
    assert start_worker(killed, whole).wait(timeout=120) == 0
    assert killed.read_rows()[: len(rows)] == rows
    assert killed.read_rows() == whole.read_rows()


@pytest.mark.slow
def test_a_process_killed_at_many_moments_ends_with_the_same_bits(tmp_path):
    settings = {"tokens": (2048, 4096, 8192)}
    _, killed = prepared_run(tmp_path / "killed", **settings)
    _, whole = prepared_run(tmp_path / "whole", **settings)
    moments = np.sort(np.random.default_rng(0).integers(200, 10_000, size=20))
    for tokens in moments.tolist():
        kill_worker_at(killed, tokens)
    assert start_worker(killed, whole).wait(timeout=300) == 0
    assert json.dumps(killed.read_rows()) == json.dumps(whole.read_rows())
