"""How the arrays of a training are placed when several devices share it.

The program is written for one device; XLA divides it by the shardings given here and
adds the communication. There is one axis of devices: batches are always divided over
it, weights and Adam's moments only if fully sharded.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

AXIS = "device"

Sharding = Literal["replicated", "full"]


@dataclass(frozen=True)
class Layout:
    """How arrays are divided over devices.

    Source: "full" is the third stage of Rajbhandari et al. 2020, 1910.02054, known as
    FSDP: each device keeps a share of every large array and gathers it when needed.
    """

    devices: tuple[jax.Device, ...]
    weights: Sharding = "replicated"  # "full": each device keeps a share

    @classmethod
    def of_all(cls, weights: Sharding = "replicated") -> "Layout":
        """The layout over all devices of all processes."""
        return cls(tuple(jax.devices()), weights)

    @cached_property
    def mesh(self) -> Mesh:
        """The devices in a row."""
        return Mesh(np.array(self.devices), (AXIS,))

    @property
    def replicated(self) -> NamedSharding:
        """The whole array on each device."""
        return NamedSharding(self.mesh, PartitionSpec())

    def along(self, axis: int) -> NamedSharding:
        """One axis divided over the devices."""
        return NamedSharding(self.mesh, PartitionSpec(*[None] * axis, AXIS))

    def of_state(self, state: Any) -> Any:
        """The sharding of each array of a state: weights and Adam's moments."""
        return jax.tree.map(self._of_array, state)

    def put(self, array: np.ndarray, sharding: NamedSharding) -> jax.Array:
        """Place on the devices an array that every process has completely."""
        return jax.make_array_from_callback(
            array.shape, sharding, lambda index: array[index]
        )

    def _of_array(self, array: jax.Array) -> NamedSharding:
        """The longest axis that the devices divide evenly; matrices only."""
        fits = [n if n % len(self.devices) == 0 else 0 for n in array.shape]
        if self.weights == "replicated" or len(fits) < 2 or not any(fits):
            return self.replicated
        return self.along(int(np.argmax(fits)))
