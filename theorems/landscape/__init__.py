"""Loss landscapes: critical points, minima and sublevel sets."""
