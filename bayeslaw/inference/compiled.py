"""Compiled programs kept between processes: traced and compiled once per shape."""

import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
from jax import export

from bayeslaw.model import Centring, PaddedArrays

# The libraries that decide what a function is traced to.
LIBRARIES = ("jax", "jaxlib", "numpyro")
DIGEST_BYTES = 32
# Folder of traces in JAX's folder of compiled programs.
TRACES = "bayeslaw-traces"
# For programs that run once: random numbers of twenty sites compile in a fifth of the
# time, and run as fast as can be noticed.
QUICK_COMPILE: dict[str, Any] = {"xla_backend_optimization_level": 0}


def use_compile_cache() -> None:
    """Keep compiled programs between processes, unless the user has set a place."""
    if jax.config.jax_compilation_cache_dir is None:
        cache_dir = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        jax.config.update("jax_compilation_cache_dir", f"{cache_dir}/bayeslaw/xla")
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)


class Compiled:
    """A compiled function whose trace is kept next to JAX's compilation cache.

    JAX finds a compiled program by what the function is traced and lowered to; for a
    sampler, that takes longer than everything it finds saves.

    Args:
      function: pure function of trees of arrays, every named tuple in them registered
        with `keep_trees`.
      identity: tells it from other functions: its name, then all that it closes over.
      compiler_options: of XLA.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        identity: str,
        compiler_options: dict[str, Any] | None = None,
    ):
        self._function = function
        self._identity = identity
        self._options = compiler_options
        self._compiled: dict[str, Callable[..., Any]] = {}

    def __call__(self, *arguments: Any) -> Any:
        """The function's result; compiles at the first call with such arguments."""
        leaves, tree = jax.tree.flatten(arguments)
        kind = f"{tree} {[repr(jax.typeof(leaf)) for leaf in leaves]}"
        if kind not in self._compiled:
            traced = self._traced(kind, arguments)
            self._compiled[kind] = jax.jit(traced, compiler_options=self._options)
        return self._compiled[kind](*arguments)

    def _traced(self, kind: str, arguments: tuple[Any, ...]) -> Callable[..., Any]:
        path = _file_of(f"{self._identity} {kind}")
        if path is None:
            return self._function
        if kept := _read(path):
            return export.deserialize(kept).call
        try:
            traced = export.export(jax.jit(self._function))(*arguments)
        except ValueError:
            # On some accelerators it calls what JAX does not keep. Whatever else is
            # wrong is said when the function itself is traced.
            return self._function
        _write(path, traced.serialize())
        return traced.call


def keep_trees(*kinds: type) -> None:
    """Register named tuples as arguments and results of programs."""
    for kind in kinds:
        name = f"{kind.__module__}.{kind.__qualname__}"
        export.register_namedtuple_serialization(kind, serialized_name=name)


keep_trees(PaddedArrays, Centring)


def _file_of(identity: str) -> Path | None:
    """Where a trace is kept, None where nothing is kept between processes."""
    folder = jax.config.jax_compilation_cache_dir
    if folder is None or not jax.config.jax_enable_compilation_cache:
        return None
    parts = (_sources(), jax.default_backend(), str(jax.config.values), identity)
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return Path(folder) / TRACES / f"{identity.split()[0]}-{digest}"


@cache
def _sources() -> str:
    """Digest of what a trace comes from: this package and the libraries."""
    digest = hashlib.sha256(str([version(name) for name in LIBRARIES]).encode())
    package = Path(__file__).parents[1]
    for path in sorted(package.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _read(path: Path) -> bytearray | None:
    """Content of a file, None where it is absent or damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, trace = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
    return bytearray(trace) if hashlib.sha256(trace).digest() == digest else None


def _write(path: Path, trace: bytearray) -> None:
    """Write a file whole; where that fails, the next process traces again."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(hashlib.sha256(trace).digest() + trace)
        Path(file.name).replace(path)
    except OSError:
        pass
