"""Compiling is announced once, not at all when the cache has the loop, and possible where nothing can be cached."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from numerics.sublevel.grids.compiled import kernel

ROOT = Path(__file__).parents[3]
MODULE = """
from numerics.sublevel.grids.compiled import announced, kernel

@kernel
def one(x):
    return x + 1

@kernel
def two(x):
    return 2 * one(x)

with announced():
    print(one(1), two(1))
"""


def test_compiling_is_announced_only_when_it_happens(tmp_path: Path) -> None:
    (tmp_path / "loops.py").write_text(MODULE)
    found = []
    for _ in range(2):
        environment = os.environ | {"PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
        done = subprocess.run(
            [sys.executable, "loops.py"], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert (done.returncode, done.stdout) == (0, "2 4\n")
        found.append(done.stderr)
    assert found == ["numerics.sublevel: compiling its loops; this happens once and takes some seconds.\n", ""]


def test_without_a_place_for_the_cache_it_compiles_all_the_same() -> None:
    names: dict = {}
    exec("def three(x):\n    return x + 3", names)  # a function without a file: numba finds no folder for its cache
    assert kernel(names["three"])(1) == 4


def test_the_door_is_light() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import numerics.sublevel"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0
    loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert not loaded & {"numba", "networkx", "matplotlib", "scipy"}
