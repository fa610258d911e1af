"""Training of small language models whose losses are the observations."""
