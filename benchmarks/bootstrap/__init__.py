"""Intervals of a predicted loss: posterior, bootstrap and delta method."""
