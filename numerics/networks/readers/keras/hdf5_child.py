"""The program that reads an HDF5 file in a process of its own: `hdf5.py` starts it and explains why.

It gets the file on standard input and answers on standard output with a line of JSON, either `{"error": text}` or
`{"datasets": [[path, dtype, shape], ...], "names": {group: text}}`, followed by the bytes of all datasets. It imports
nothing of this package. Only hard links are followed, and only plain, contiguous datasets of numbers are read.
"""

import io
import json
import os
import sys


def walk(group, prefix, h5py, found, names, most):
    """Append (path, dataset) to `found` for all datasets, and the attribute `name` of groups to `names`."""
    for key in group:
        path = f"{prefix}/{key}" if prefix else key
        if len(found) > most or len(path) > 1000 or path.count("/") > 20:
            raise ValueError("it is nested more than 20 deep, or has too many datasets or too long names")
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            raise ValueError(f"`{path}` leads elsewhere: only plain members are read, no soft or external links")
        item = group[key]
        if isinstance(item, h5py.Group):
            if len(names) > most:
                raise ValueError("it has too many groups")
            name = item.attrs.get("name", "")
            names[path] = name if isinstance(name, str) else ""
            walk(item, path, h5py, found, names, most)
        elif isinstance(item, h5py.Dataset):
            found.append((path, item))
        else:
            raise ValueError(f"`{path}` is neither a group nor a dataset")


def answer(content, h5py, most):
    found, names = [], {}
    with h5py.File(io.BytesIO(content), "r") as file:
        walk(file, "", h5py, found, names, most)
        total = 0
        for path, data in found:
            if data.dtype.kind not in "fiu" or data.dtype.itemsize > 8:
                raise ValueError(f"`{path}` must hold numbers, it has the type {data.dtype}")
            if data.is_virtual or data.external or data.chunks is not None or data.shape is None:
                raise ValueError(f"`{path}` must lie in this file in one piece")
            total += data.nbytes
            if total > len(content):
                raise ValueError(f"`{path}` declares more than the {len(content)} bytes that the file has")
        arrays = [data[()] for _, data in found]
    header = {
        "datasets": [[path, data.dtype.str, list(data.shape)] for (path, _), data in zip(found, arrays, strict=True)],
        "names": names,
    }
    return header, [data.tobytes() for data in arrays]


def main():
    sys.path[:] = json.loads(sys.argv[1])
    import h5py

    content = sys.stdin.buffer.read()
    try:
        import resource
    except ImportError:  # Windows
        pass
    else:
        memory, seconds = int(sys.argv[2]), int(sys.argv[3])
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))  # from here on no file can be opened
    try:
        header, parts = answer(content, h5py, int(sys.argv[4]))
    except Exception as error:
        header, parts = {"error": " ".join(str(error).split())[:300]}, []
    out = sys.stdout.buffer
    out.write(json.dumps(header).encode() + b"\n")
    for part in parts:
        out.write(part)
    out.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
