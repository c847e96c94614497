"""Paths with certified loss: exact, constructed, searched; and certificates that there is none."""
