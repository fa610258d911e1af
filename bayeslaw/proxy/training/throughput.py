"""Speed of a training: tokens per second, and the share of the device's peak.

Model FLOP utilisation (MFU) is the FLOP of the model's own formula per second over the
peak of the devices' dense bfloat16 matrix products. Source: Chowdhery et al. 2022,
2204.02311, appendix B.
"""

import time

# FLOP per second of one device, bfloat16, dense; from the makers' data sheets.
PEAK_FLOPS = {
    "NVIDIA A100": 312e12,
    "NVIDIA H100": 989e12,
    "NVIDIA H200": 989e12,
    "NVIDIA B200": 2250e12,
    "TPU v4": 275e12,
    "TPU v5 lite": 197e12,
    "TPU v5p": 459e12,
    "TPU v5": 459e12,
    "TPU v6 lite": 918e12,
}


def peak_flops(kind: str, n_devices: int) -> float | None:
    """Peak FLOP per second of some devices of a kind; None for an unlisted kind."""
    for name, peak in PEAK_FLOPS.items():
        if kind.startswith(name):
            return peak * n_devices
    return None


class Throughput:
    """Speed between two readings of the clock."""

    def __init__(self, flops_per_token: int, peak: float | None):
        self._flops_per_token = flops_per_token
        self._peak = peak
        self._last = time.monotonic()

    def measure(self, tokens: int) -> dict[str, float]:
        """Speed since the last reading, given the tokens trained in between."""
        now = time.monotonic()
        speed, self._last = tokens / (now - self._last), now
        found = {"tokens_per_second": round(speed, 1)}
        if self._peak:
            found["mfu"] = round(speed * self._flops_per_token / self._peak, 4)
        return found
