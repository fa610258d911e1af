"""Stan through pystan: its NUTS with a diagonal mass matrix is all that it offers."""

from pathlib import Path

import numpy as np
import stan

from benchmarks.inference.engines import protocol, stan_model


def prepare(folder: Path) -> stan.model.Model:
    # No seed: with one, pystan keeps the draws and would answer a repeat from disk.
    return stan.build(stan_model.PROGRAM.read_text(), data=stan_model.data_of(folder))


def sample(model: stan.model.Model, settings: protocol.Settings) -> protocol.Result:
    fit = model.sample(
        num_chains=settings.chains,
        num_warmup=settings.warmup or 500,
        num_samples=settings.draws,
    )
    shape = (settings.draws, settings.chains)

    def by_chain(name: str) -> np.ndarray:
        # pystan lays draws out as (..., draw x chain), chains fastest.
        values = fit[name]
        values = np.moveaxis(
            values.reshape(*values.shape[:-1], *shape), (-1, -2), (0, 1)
        )
        is_scalar = values.ndim == 3 and values.shape[2] == 1
        return values[..., 0] if is_scalar else values

    return protocol.Result(
        stan_model.named({name: by_chain(name) for name in fit.param_names}),
        int(fit["divergent__"].sum()),
        float(fit["n_leapfrog__"].mean()),
    )


def log_density(model: stan.model.Model, point: dict[str, np.ndarray]) -> float:
    position = model.unconstrain_pars(stan_model.parameters_at(point))
    return model.log_prob(position, adjust_transform=False)


if __name__ == "__main__":
    protocol.main(prepare, sample, log_density)
