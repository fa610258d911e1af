"""Break analysis on simulated downstream curves."""
