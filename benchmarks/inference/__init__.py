"""Cost of a posterior beside nutpie, PyMC and Stan."""
