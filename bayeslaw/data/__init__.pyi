from .speakers import read_speakers as read_speakers
