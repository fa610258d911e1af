"""Central intervals, by the quantiles that bound them."""


def interval_levels(probability: float) -> tuple[float, float]:
    """Return the levels of the two quantiles that bound a central interval.

    Example:
      >>> interval_levels(0.9)
      (0.05, 0.95)
    """
    tail = (1 - probability) / 2
    return tail, 1 - tail
