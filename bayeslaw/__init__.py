"""Bayesian scaling laws for the language mixture of a pretraining corpus."""

import lazy_loader

__version__ = "0.1.0"

# The public names stand in `__init__.pyi`; each is loaded on first use, so that the
# help of the command line need not wait for jax.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
