"""CPU time of a step, as every engine prints it."""

import json
import time
from collections.abc import Callable

WARM, STEPS = 50, 200


def print_times(steps: Callable[[int], None], *, parameters: int) -> None:
    """Take `WARM` steps, then time `STEPS` of them; one line of JSON."""
    steps(WARM)
    cpu, wall = time.process_time(), time.perf_counter()
    steps(STEPS)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    found = {"cpu_ms": 1e3 * cpu / STEPS, "wall_ms": 1e3 * wall / STEPS}
    print(json.dumps({**found, "parameters": parameters}))
