r"""Merge trees by sorting every vertex: for noise, where saddles are so many that keeping only them saves nothing.

Vertices enter in the order (value, number). Each takes the component of a neighbour that has entered, or founds one; where several
components meet, the oldest survives. Components are numbered in the order of their birth, so the oldest has the
smallest number. Arrays of the length of the values: the order, the component of
each vertex, and while sorting the order as numpy returns it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from numerics.sublevel.grids.compiled import kernel
from numerics.sublevel.grids.grid import Tables
from numerics.sublevel.grids.saddle_pass import find, longer


def memory(size: int) -> int:
    """Bytes needed for `size` vertices, at most (components are at most half of the vertices, nearly)."""
    index = 4 if size < 2**32 - 1 else 8
    return size * (8 + max(8, 2 * index) + 4 * 8 // 2)


def total_order(flat: NDArray) -> NDArray:
    """The vertices by (value, number). Unstable sorting is several times faster, and as good where there are no ties."""
    order = np.argsort(flat)
    ranked = flat[order]
    if (ranked[1:] == ranked[:-1]).any():
        order = np.argsort(flat, kind="stable")
    return order


@kernel
def unite(flat, order, t, component):
    """Birth vertices of all components, the component into which each dies (-1: never) and the vertex where it does.

    `component` has the length of `flat` and is filled with its largest value, which means "not entered".
    """
    axes = t.shape.size
    outside = component[0]
    stride = np.empty(axes, np.int64)
    stride[axes - 1] = 1
    for a in range(axes - 2, -1, -1):
        stride[a] = stride[a + 1] * t.shape[a + 1]
    here = np.empty(axes, np.int64)
    births = np.empty(1024, np.int64)
    parent, into, at = np.empty(1024, np.int64), np.empty(1024, np.int64), np.empty(1024, np.int64)
    met = np.empty(t.offsets.shape[0], np.int64)
    count = 0
    for v in order:
        if flat[v] == np.inf:
            break
        rest = v
        for a in range(axes):
            here[a] = rest // stride[a]
            rest -= here[a] * stride[a]
        elder, classes = -1, 0
        for o in range(t.offsets.shape[0]):
            w = np.int64(0)
            valid = True
            for a in range(axes):
                x = here[a] + t.offsets[o, a]
                if x < 0 or x >= t.shape[a]:
                    if not t.periodic[a]:
                        valid = False
                        break
                    x %= t.shape[a]
                w += x * stride[a]
            if valid and component[w] != outside:
                r = find(parent, np.int64(component[w]))
                met[classes] = r
                classes += 1
                elder = r if elder < 0 else min(elder, r)
        if classes == 0:
            if count == births.size:
                births, parent, into, at = longer(births), longer(parent), longer(into), longer(at)
            births[count], parent[count], into[count], at[count] = v, count, -1, -1
            elder = count
            count += 1
        for c in range(classes):
            r = met[c]
            if r != elder and into[r] < 0:
                parent[r], into[r], at[r] = elder, elder, v
        component[v] = elder
    return births[:count], into[:count], at[:count]


def forest(flat: NDArray, tables: Tables, index_type: type) -> tuple[NDArray, NDArray, NDArray]:
    """Minima sorted by vertex, the place of the minimum into which each dies (-1: never), and the vertex where it does (-1)."""
    order = total_order(flat).astype(index_type)
    component = np.full(flat.size, np.iinfo(index_type).max, index_type)
    births, into, at = unite(flat, order, tables, component)
    rank = np.argsort(births)
    place = np.empty_like(rank)
    place[rank] = np.arange(rank.size)
    renamed = np.where(into >= 0, place[into], -1)
    return births[rank], renamed[rank], at[rank]
