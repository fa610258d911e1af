"""Programs are traced once, whatever process asks for them, and compute the same."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import small_spec, small_study

from bayeslaw import fit
from bayeslaw.inference import compiled
from bayeslaw.inference.compiled import Compiled, keep_trees
from bayeslaw.inference.kernel import kernel_of


class Pair(NamedTuple):
    """An argument and a result of programs."""

    left: jax.Array
    right: jax.Array


keep_trees(Pair)


@pytest.fixture
def folder(tmp_path):
    """An empty folder of kept programs."""
    before = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", str(tmp_path))
    yield tmp_path / compiled.TRACES
    jax.config.update("jax_compilation_cache_dir", before)


def counted(identity: str = "swap"):
    """A program that swaps and doubles, and the list of shapes it was traced for."""
    traced = []

    def swap(pair: Pair) -> Pair:
        traced.append(pair.left.shape)
        return Pair(2 * pair.right, 2 * pair.left)

    return Compiled(swap, identity), traced


PAIR = Pair(jnp.arange(3.0), jnp.ones(2))


def check_swapped(found) -> None:
    assert isinstance(found, Pair)
    np.testing.assert_array_equal(found.left, [2.0, 2.0])
    np.testing.assert_array_equal(found.right, [0.0, 2.0, 4.0])


def test_a_program_is_traced_once_for_each_shape(folder):
    program, traced = counted()
    for _ in range(2):
        check_swapped(program(PAIR))
    program(Pair(jnp.zeros(4), jnp.zeros(4)))
    assert traced == [(3,), (4,)]


def test_a_kept_trace_is_used_instead_of_the_function(folder):
    counted()[0](PAIR)
    again, traced = counted()
    check_swapped(again(PAIR))
    assert traced == []
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize(
    "change", ["identity", "source", "precision", "setting", "damage"]
)
def test_a_trace_of_something_else_is_not_used(folder, monkeypatch, change):
    counted()[0](PAIR)
    again, traced = counted("swap other" if change == "identity" else "swap")
    if change == "source":
        monkeypatch.setattr(compiled, "_sources", lambda: "other sources")
    if change == "damage":
        (kept,) = folder.iterdir()
        content = kept.read_bytes()
        kept.write_bytes(content[:-8] + b"\0" * 8)
    pair = (
        jax.tree.map(lambda x: x.astype(int), PAIR) if change == "precision" else PAIR
    )
    before = jax.config.jax_default_matmul_precision
    if change == "setting":
        jax.config.update("jax_default_matmul_precision", "highest")
    try:
        check_swapped(again(pair))
    finally:
        jax.config.update("jax_default_matmul_precision", before)
    assert traced == [(3,)]


def test_nothing_is_kept_where_the_cache_is_off(folder):
    jax.config.update("jax_compilation_cache_dir", None)
    check_swapped(counted()[0](PAIR))
    assert not folder.exists()


def test_a_folder_that_cannot_be_written_costs_a_trace_only(folder):
    folder.write_text("a file where the folder should be")
    check_swapped(counted()[0](PAIR))


@pytest.mark.slow
def test_a_process_that_only_simulates_keeps_its_program_too(tmp_path):
    """It needs no sampler, whose modules know other types of arguments."""
    command = [sys.executable, "-c", "from bayeslaw.cli.main import main; main()"]
    options = ["--model", "models/default.toml", "--families", "2", "--mixtures", "2"]
    subprocess.run(
        [*command, "simulate", *options, "-o", str(tmp_path / "study")],
        check=True,
        env=os.environ | {"JAX_COMPILATION_CACHE_DIR": str(tmp_path)},
    )
    assert list((tmp_path / compiled.TRACES).glob("prior*"))


@pytest.mark.slow
def test_chains_go_on_from_kept_programs_to_traced_ones(monkeypatch):
    """Numpyro's step goes by what its init noted, here in another process.

    The whole kernel kept gives the same draws as well.
    """
    name = f"traces-of-{os.getpid()}"
    monkeypatch.setattr(compiled, "TRACES", name)
    folder = Path(jax.config.jax_compilation_cache_dir) / name

    def draws():
        kernel_of.cache_clear()
        drawn = fit(small_study()[0], small_spec())["posterior"]
        return drawn["gamma"].values

    try:
        first = draws()
        np.testing.assert_array_equal(draws(), first)
        for step in ("explore", "draw"):
            (kept,) = folder.glob(f"{step}-*")
            kept.unlink()
        np.testing.assert_array_equal(draws(), first)
    finally:
        shutil.rmtree(folder)
