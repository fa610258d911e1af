"""What produced a row: software, device and the hash of the run's spec."""

import platform
from importlib.metadata import version

import jax

from bayeslaw.proxy.study import RunSpec


def describe_versions(spec: RunSpec) -> str:
    """Software that produced a row, the device, and the hash of the run's spec."""
    packages = ("bayeslaw", "jax", "flax", "optax", "numpy")
    parts = [f"{name} {version(name)}" for name in packages]
    parts.append(f"python {platform.python_version()}")
    parts.append(f"device {jax.devices()[0].device_kind}")
    return "; ".join([*parts, f"spec {spec.hash}"])
