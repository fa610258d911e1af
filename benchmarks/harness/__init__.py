"""Speed of proxy training."""
