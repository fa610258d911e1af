"""Does the best learning rate stay where it is as proxies grow?

Trains every shape of a study at several rates on its uniform mixture, each to the same
number of tokens, cooled, and writes the held-out losses. Under muP the best rate at the
base width should be the best at every width.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from bayeslaw.proxy.study.config import RunSpec
from bayeslaw.proxy.study.schedule import legs
from bayeslaw.proxy.study.study_corpus import built_corpus_folder
from bayeslaw.proxy.study.study_file import expand, read_study
from bayeslaw.proxy.training.training_program import (
    TrainingDiverged,
    advance_chunk,
    program_of,
)

RESULTS = Path(__file__).parent / "results"
RATES = tuple(2e-3 * 2**k for k in range(6))


def mean_loss(spec: RunSpec, corpus_folder: Path | None) -> float:
    """Held-out loss after the run's first cooled leg, mean over families, bits/byte."""
    program = program_of(spec, corpus_folder)
    state = program.init(spec.entropy)
    for leg in legs(spec)[:2]:
        for step in range(leg.start, leg.stop, spec.training.chunk):
            state, measured = advance_chunk(program, spec, leg, state, step)
        if not np.isfinite(np.asarray(measured["loss"])).all():
            raise TrainingDiverged(spec.run)
    scores = program.evaluate(state["params"])
    return float(np.mean([score.value for score in scores.values()]))


def with_rate(spec: RunSpec, rate: float) -> RunSpec:
    training = spec.training.model_copy(update={"learning_rate": rate})
    return spec.model_copy(update={"training": training})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path)
    parser.add_argument("--tokens", type=int, required=True)
    parser.add_argument("--mixture", default="uniform")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    given = parser.parse_args()
    study = read_study(given.study)
    folder = built_corpus_folder(study, given.study.parent)
    grid = {
        "proxies": tuple(study.proxies),
        "mixtures": (given.mixture,),
        "tokens": (given.tokens,),
        "seeds": tuple(given.seeds),
    }
    grids = (study.grid[0].model_copy(update=grid),)
    found = []
    for spec in expand(study.model_copy(update={"grid": grids})):
        for rate in RATES:
            try:
                loss = mean_loss(with_rate(spec, rate), folder)
            except TrainingDiverged:
                loss = None
            width = spec.proxy.width
            row = {"proxy": spec.proxy_name, "width": width, "seed": spec.seed}
            found.append(row | {"rate": rate, "loss": loss})
            print(found[-1], flush=True)
    about = {"study": study.study.name, "tokens": given.tokens, "unit": "bits/byte"}
    path = RESULTS / f"learning-rate-{study.study.name}.json"
    path.write_text(json.dumps({**about, "found": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
