"""Connected and split sublevel sets."""
