"""Keras files, read by h5py in a process with limits."""
