"""Stan without pystan's server: its C++ sampler with a dense mass matrix, see nuts.cpp.

The executable is built once with stanc --O1 and g++ -O3 -march=native and kept.
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path

import httpstan
import numpy as np

from benchmarks.inference.engines import protocol, stan_model

HTTPSTAN = Path(httpstan.__file__).parent
FLAGS = ["-O3", "-march=native", "-std=c++17", "-w", "-D_REENTRANT"]
FLAGS += ["-DSTAN_NO_RANGE_CHECKS", "-DBOOST_DISABLE_ASSERTS"]
PARAMETERS = "means sds level odds_N odds_D slope_N slope_D log_gamma sigma run_sd nu"


def prepare(folder: Path) -> tuple[Path, Path]:
    """The executable and the data file."""
    cache = Path(os.environ["XDG_CACHE_HOME"]) / "stan-nuts"
    program = cache / "nuts"
    sources = [stan_model.PROGRAM, Path(__file__).with_name("nuts.cpp")]
    newest = max(source.stat().st_mtime for source in sources)
    if not program.exists() or program.stat().st_mtime < newest:
        cache.mkdir(parents=True, exist_ok=True)
        model = cache / "model.cpp"
        stanc = [HTTPSTAN / "stanc", "--O1", "--name", "model", "--o", model]
        subprocess.run([*stanc, stan_model.PROGRAM], check=True)
        include, library = f"-I{HTTPSTAN / 'include'}", HTTPSTAN / "lib"
        link = [f"-L{library}", "-l:libtbb.so.2", f"-Wl,-rpath,{library}"]
        compiler = ["g++", *FLAGS, include, sources[1], model, "-o", program]
        subprocess.run([*compiler, *link], check=True)
    data = folder / "stan.json"
    data.write_text(json.dumps(stan_model.data_of(folder)))
    return program, data


def sample(state: tuple[Path, Path], settings: protocol.Settings) -> protocol.Result:
    program, data = state
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "draws.bin"
        lengths = (settings.chains, settings.warmup or 500, settings.draws)
        command = [program, "sample", data, output, settings.seed, *lengths]
        subprocess.run(list(map(str, command)), check=True)
        columns = output.with_name("draws.bin.names").read_text().split()
        draws = np.fromfile(output).reshape(settings.chains, -1, len(columns))

    def column(name: str) -> np.ndarray:
        parts = [k for k, full in enumerate(columns) if full.split(".")[0] == name]
        is_scalar = columns[parts[0]] == name
        return draws[..., parts[0]] if is_scalar else draws[..., parts]

    names = [*PARAMETERS.split(), "run_effect"]
    return protocol.Result(
        stan_model.named({name: column(name) for name in names}),
        int(column("divergent__").sum()),
        float(column("n_leapfrog__").mean()),
    )


def log_density(state: tuple[Path, Path], point: dict[str, np.ndarray]) -> float:
    program, data = state
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(stan_model.parameters_at(point), file)
        file.flush()
        command = [program, "density", data, file.name]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout)


if __name__ == "__main__":
    protocol.main(prepare, sample, log_density)
