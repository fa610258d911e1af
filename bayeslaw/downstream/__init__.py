"""Does a downstream score stop following its law? The evidence, curve by curve."""
