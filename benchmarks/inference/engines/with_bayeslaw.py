"""bayeslaw through its public functions."""

from pathlib import Path

from bayeslaw import fit, read_runs, read_spec
from bayeslaw.inference.sampler import SamplerSettings
from benchmarks.inference.data import MODEL
from benchmarks.inference.engines import protocol


def prepare(folder: Path) -> tuple:
    return read_runs(folder / "table.csv"), read_spec(MODEL)


def sample(state: tuple, settings: protocol.Settings) -> protocol.Result:
    table, spec = state
    lengths = {"chains": settings.chains, "draws": settings.draws}
    if settings.warmup is not None:
        lengths["warmup"] = settings.warmup
    posterior = fit(
        table, spec, seed=settings.seed, settings=SamplerSettings(**lengths)
    )
    statistics = posterior["sample_stats"]
    named = posterior["posterior"].to_dataset()
    named = named.sel(family=list(table.families), run=list(table.runs))
    return protocol.Result(
        {name: named[name].to_numpy() for name in protocol.NAMES},
        int(statistics["diverging"].sum()),
        float(statistics["n_steps"].mean()),
    )


if __name__ == "__main__":
    protocol.main(prepare, sample)
