"""Strategies that choose the next runs, on simulated truths and measured runs."""
