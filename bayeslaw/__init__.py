"""Bayesian scaling laws for the language mixture of a pretraining corpus."""

__version__ = "0.1.0"
