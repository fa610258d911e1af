"""A study of one tiny proxy, for the tests of training and of the executor."""

from pathlib import Path

from bayeslaw.proxy.study.config import RunSpec
from bayeslaw.proxy.study.run_folder import RunFolder
from bayeslaw.proxy.study.study_file import expand, read_study

STUDY = """
[study]
name = "tiny"
[corpus]
families = ["germanic", "indic"]
[training]
context = 32
batch_size = 2
learning_rate = {rate}
warmup = 2
chunk = 2
checkpoint_chunks = 1
eval_tokens = 512
[proxies]
a = {{ depth = 1 }}
[mixtures]
even = {{ germanic = 0.5, indic = 0.5 }}
some = {{ germanic = 0.9, indic = 0.1 }}
only = {{ germanic = 1.0 }}
[[grid]]
proxies = ["a"]
mixtures = {mixtures}
tokens = {tokens}
"""


def write_study(
    folder: Path,
    *,
    mixtures: tuple[str, ...] = ("even",),
    tokens: tuple[int, ...] = (512, 1024),
    rate: float = 1e-2,
) -> Path:
    """Writes the study file and returns its path."""
    text = STUDY.format(
        mixtures=str(list(mixtures)).replace("'", '"'), tokens=list(tokens), rate=rate
    )
    folder.mkdir(exist_ok=True)
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return folder / "study.toml"


def prepared_run(folder: Path, **settings) -> tuple[RunSpec, RunFolder]:
    """Writes a study, and prepares the folder of its first run."""
    spec = expand(read_study(write_study(folder, **settings)))[0]
    run = RunFolder.of(folder, spec)
    run.prepare(spec)
    return spec, run
