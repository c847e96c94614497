r"""The datasets of an HDF5 file from a stranger, read by h5py in a process of its own.

The HDF5 library follows links into other files, and damaged files have made it crash, loop and allocate without
bound. So `hdf5_child.py` reads in another process, which has little memory and time, and cannot open any file once
it has begun; a crash there is an `InputError` here. What comes back is checked once more.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from numerics.evidence.errors import InputError
from numerics.networks.readers.files import MOST_MEMBERS, MOST_TEXT, Tensors, checked_tensors, counted, short

_CHILD = Path(__file__).with_name("hdf5_child.py")


def read_hdf5(path: Path, content: bytes, what: str) -> tuple[Tensors, dict[str, str]]:
    """All datasets by their path in the file, and the attribute `name` of all groups by theirs.

    `content` is the HDF5 file, `what` it is called in errors and `path` where it came from. Raises `InputError` for
    every fault and when h5py is not installed.
    """
    if importlib.util.find_spec("h5py") is None:
        raise InputError(f"To read `{path}` the package h5py is needed: run `pip install 'theorems[models]'`.")
    seconds = 10 + len(content) // 10_000_000
    memory = 700_000_000 + 4 * len(content)  # of address space, most of which is the code of h5py and NumPy
    command = [sys.executable, "-I", str(_CHILD), json.dumps(sys.path), str(memory), str(seconds), str(MOST_MEMBERS)]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "HDF5_PLUGIN_PATH": "::"}
    try:
        run = subprocess.run(command, input=content, capture_output=True, timeout=2 * seconds, env=environment)
    except subprocess.TimeoutExpired as error:
        raise InputError(f"{what} of `{path}` could not be read in {2 * seconds} seconds: it is damaged.") from error
    try:
        line, _, rest = run.stdout.partition(b"\n")
        if run.returncode or len(line) > MOST_TEXT:
            raise ValueError("it is damaged, and made the HDF5 library fail")
        header = json.loads(line)
        if "error" in header:
            raise ValueError(header["error"])
        tensors: Tensors = {}
        place = 0
        for name, text, shape in header["datasets"]:
            dtype = np.dtype(text)
            size = counted(shape) * dtype.itemsize
            if place + size > len(rest):
                raise ValueError("it is damaged")
            tensors[name] = np.frombuffer(rest, dtype, counted(shape), place).reshape(shape)
            place += size
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{what} of `{path}` could not be read: {short(error, 300).rstrip('.')}.") from error
    return checked_tensors(path, tensors), header["names"]
