"""Extend studies: the sizes they offer, and further runs added to their file."""

import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from flax import nnx

from bayeslaw.proxy.study import Proxy, StudyFile, expand, read_study
from bayeslaw.proxy.training import Transformer, count_parameters

# Ratios of one mixture may differ by so much between a study file and a table.
SAME = 1e-6


@dataclass(frozen=True)
class AddedRun:
    """A run to add to a study.

    Attributes:
      proxy: name of its size in the study.
      mixture: sampling ratios by family.
      tokens: values of D, rising.
      seed: its seed; the next free one if the study already has it.
    """

    proxy: str
    mixture: Mapping[str, float]
    tokens: tuple[int, ...]
    seed: int


def sizes_of(study: StudyFile) -> dict[str, float]:
    """Non-embedding parameters N of every proxy in a study."""
    return {name: float(_parameters(proxy)) for name, proxy in study.proxies.items()}


def _parameters(proxy: Proxy) -> int:
    model = nnx.eval_shape(lambda: Transformer(proxy, 1, rngs=nnx.Rngs(params=0)))
    return count_parameters(nnx.to_pure_dict(nnx.state(model)))["non_embedding"]


def tokens_of(study: StudyFile) -> tuple[float, ...]:
    """All values of D in a study's grids, increasing."""
    return tuple(sorted({float(count) for grid in study.grid for count in grid.tokens}))


def add_runs(
    study: str | Path, runs: Sequence[AddedRun], output: str | Path, why: str = ""
) -> None:
    """Write a study file with further runs; its previous text is kept verbatim.

    Existing runs keep their names and settings, so that `train_study` of the new file
    next to the same table trains only the new runs.

    Args:
      study: the study file.
      runs: what to add.
      output: the file to write, whole or not at all; may be the study file itself.
      why: a comment line.

    Raises:
      InputError: the study, or the study with these runs, is invalid.
    """
    path = Path(study)
    text = path.read_text(encoding="utf-8")
    old = read_study(path)
    names = dict(tomllib.loads(text)["mixtures"])
    asked = {(run.proxy_name, run.mixture_name, run.seed) for run in expand(old)}
    lines = ["", f"# {why}"] if why else [""]
    for run in runs:
        name = _name(run.mixture, names)
        if name not in names:
            names[name] = dict(run.mixture)
            lines += [f"[mixtures.{name}]"]
            lines += [f"{json.dumps(k)} = {v!r}" for k, v in run.mixture.items()]
            lines.append("")
        seed = run.seed
        while (run.proxy, name, seed) in asked:
            seed += 1
        asked.add((run.proxy, name, seed))
        lines += [
            "[[grid]]",
            f"proxies = {json.dumps([run.proxy])}",
            f"mixtures = {json.dumps([name])}",
            f"tokens = {json.dumps(list(run.tokens))}",
            f"seeds = [{seed}]",
            "",
        ]
    # In the same folder, so that it is checked with the corpus it will have.
    temporary = Path(f"{output}.partial")
    temporary.write_text(text.rstrip("\n") + "\n" + "\n".join(lines), encoding="utf-8")
    try:
        read_study(temporary)
        os.replace(temporary, output)
    finally:
        temporary.unlink(missing_ok=True)


def _name(
    mixture: Mapping[str, float], names: Mapping[str, Mapping[str, float]]
) -> str:
    """The name of a mixture if the study has it; else a new name."""
    for name, other in names.items():
        keys = {*mixture, *other}
        if all(abs(mixture.get(k, 0) - other.get(k, 0)) < SAME for k in keys):
            return name
    number = 1
    while f"next{number}" in names:
        number += 1
    return f"next{number}"
