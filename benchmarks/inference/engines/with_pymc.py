"""PyMC's own NUTS, with the mass matrix that did best: a dense one."""

from pathlib import Path

import pymc as pm

from benchmarks.inference.engines import protocol, pymc_model


def prepare(folder: Path) -> pm.Model:
    return pymc_model.model(protocol.arrays_of(folder))


def sample(program: pm.Model, settings: protocol.Settings) -> protocol.Result:
    with program:
        trace = pm.sample(
            draws=settings.draws,
            tune=settings.warmup or 1000,
            chains=settings.chains,
            # One process: forking and passing draws costs CPU.
            cores=1,
            random_seed=settings.seed,
            nuts_sampler="pymc",
            init="jitter+adapt_full",
            target_accept=0.9,
            progressbar=False,
            compute_convergence_checks=False,
        )
    return pymc_model.result(trace)


if __name__ == "__main__":
    protocol.main(prepare, sample, pymc_model.log_density)
