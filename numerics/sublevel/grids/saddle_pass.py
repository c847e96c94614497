r"""Merge trees in one raster pass, from saddles only.

Order the vertices by (value, number); write $w < v$ for this order (ties are broken by *simulation of simplicity*). Adding vertices
in this order, components of $\{w \le v\}$ are born at local minima and can merge only at a vertex whose lower neighbours
lie in several components of $\{w < v\}$.

**Only saddles can merge.** Join two lower neighbours $v + i$, $v + j$ of $v$ if they are adjacent, or (face adjacency) if
$v + i + j$ is lower than $v$ too. Joined neighbours are connected in $\{w < v\}$. So if all lower neighbours of $v$ form one
class (the *lower link* is connected), $v$ extends one component and merges nothing. Only the other vertices, here called
saddles, are kept: one lower neighbour for each class.

**Descent.** From such a neighbour, steps to the lowest neighbour end in a local minimum without rising, so the neighbour and this
minimum are in one component of $\{w < v\}$. Kruskal's algorithm over the saddles in their order, on the local minima, with
the elder rule (the component with the lower minimum survives), therefore gives the merge tree.

No vertex that is not a minimum or a saddle leaves a trace: no sort of all values, no array of their number. NaN compares false
with everything, hence looks like a minimum, where it is found without a test per vertex.

The values may be a window of the array: `where[s]` is the place in `flat` of slab `s` (first axis), or -1.
"""

from __future__ import annotations

import numpy as np

from numerics.sublevel.grids.compiled import kernel

_SEGMENT = 512  # columns compared at a time, so that their words stay in the first cache
_REMEMBERED = 4096  # link patterns known to be connected
_HASH = np.uint64(64 - 12)
_ONE, _ZERO = np.uint64(1), np.uint64(0)
_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
_POSITION = np.zeros(64, np.int64)
for _k in range(64):
    _POSITION[(0x03F79D71B4CB0A89 << _k) % 2**64 >> 58] = _k

DONE, NOT_A_NUMBER, TOO_MANY = 0, 1, 2


@kernel
def _last_bit(word):
    """The place of the lowest bit set."""
    return _POSITION[((word & (~word + _ONE)) * _DE_BRUIJN) >> np.uint64(58)]


@kernel
def _lower_own(words, own, row):
    """Bits 0 and 1: the neighbours left (also if equal) and right in the own row. `row` starts one column before `own`."""
    two = np.uint64(2)
    for j in range(words.size):
        c = own[j]
        words[j] = (_ONE if row[j] <= c else _ZERO) | (two if row[j + 2] < c else _ZERO)


@kernel
def _lower_three(words, own, row, equal, bit):
    """Three bits: columns -1, 0, 1 of another row; `equal`: ties count as lower. `row` starts one column before `own`."""
    a = _ONE << np.uint64(bit)
    b = a << _ONE
    c = b << _ONE
    if equal:
        for j in range(words.size):
            x = own[j]
            words[j] |= (
                (a if row[j] <= x else _ZERO) | (b if row[j + 1] <= x else _ZERO) | (c if row[j + 2] <= x else _ZERO)
            )
    else:
        for j in range(words.size):
            x = own[j]
            words[j] |= (
                (a if row[j] < x else _ZERO) | (b if row[j + 1] < x else _ZERO) | (c if row[j + 2] < x else _ZERO)
            )


@kernel
def _lower_one(words, own, row, equal, bit):
    """One bit: the same column of another row."""
    a = _ONE << np.uint64(bit)
    if equal:
        for j in range(words.size):
            words[j] |= a if row[j] <= own[j] else _ZERO
    else:
        for j in range(words.size):
            words[j] |= a if row[j] < own[j] else _ZERO


@kernel
def _edge(words, k, flat, own, j, base, before, t):
    """The words of column `j`, the first or last of its row, one comparison at a time."""
    n = t.shape[-1]
    wraps = t.periodic[-1]
    x = flat[own + j]
    for w in range(words.shape[0]):
        words[w, k] = _ZERO
    for side in range(2):
        i = j + 2 * side - 1
        if wraps:
            i %= n
        if 0 <= i < n and (flat[own + i] < x or (flat[own + i] == x and i < j)):
            words[0, k] |= _ONE << np.uint64(side)
    for r in range(base.size):
        if base[r] >= 0:
            reach = 1 if t.triple[r] else 0
            for s in range(-reach, reach + 1):
                i = j + s
                if wraps:
                    i %= n
                if 0 <= i < n:
                    y = flat[base[r] + i]
                    if y < x or (before[r] and y == x):
                        words[t.word[r], k] |= _ONE << np.uint64(t.bit[r] + reach + s)


@kernel
def _link(words, k, t, left, todo, seeds):
    """The number of classes of lower neighbours; `seeds` gets one neighbour of each."""
    size = words.shape[0]
    count = 0
    for w in range(size):
        left[w] = words[w, k] & t.nodes[w]
        todo[w] = _ZERO
    for w in range(size):
        while left[w] != _ZERO:
            b = _last_bit(left[w])
            seeds[count] = 64 * w + b
            count += 1
            left[w] ^= _ONE << np.uint64(b)
            todo[w] = _ONE << np.uint64(b)
            x = w
            while x < size:
                if todo[x] == _ZERO:
                    x += 1
                    continue
                b = _last_bit(todo[x])
                todo[x] ^= _ONE << np.uint64(b)
                node = 64 * x + b
                for y in range(size):
                    fresh = t.touch[node, y] & left[y]
                    left[y] ^= fresh
                    todo[y] |= fresh
                for e in range(t.first[node], t.first[node + 1]):
                    o, c = t.other[e], t.through[e]
                    bit = _ONE << np.uint64(o % 64)
                    if left[o // 64] & bit and words[c // 64, k] >> np.uint64(c % 64) & _ONE:
                        left[o // 64] ^= bit
                        todo[o // 64] |= bit
                for y in range(size):  # the search goes on at the first word with work
                    if todo[y] != _ZERO:
                        x = min(x, y)
                        break
    return count


@kernel
def _alike(words, k, stop, last):
    """The first column from `k` on whose words are not `last`: on smooth data runs are long, and are compared 32 columns at a time."""
    while k + 32 <= stop:
        differ = _ZERO
        for w in range(last.size):
            some = words[w, k : k + 32]
            for j in range(32):
                differ |= some[j] ^ last[w]
        if differ != _ZERO:
            break
        k += 32
    while k < stop:
        for w in range(last.size):
            if words[w, k] != last[w]:
                return k
        k += 1
    return k


@kernel
def longer(array):
    grown = np.empty(2 * array.size, array.dtype)
    for i in range(array.size):  # here and below: assigning slices would take seconds to compile
        grown[i] = array[i]
    return grown


@kernel
def scan(flat, where, t, start, stop, limit, index):
    """Minima and saddles of the slabs `start` to `stop`, whose neighbouring slabs must be in the window.

    Returns a state, the number of the vertex that is not a number, the minima (numbers, values), and one entry for each class
    of each saddle (number of the saddle, of a lower neighbour in the class, value). `index` is an empty array of the type of numbers.
    """
    shape, periodic, delta, triple, word, bit, ends = t.shape, t.periodic, t.delta, t.triple, t.word, t.bit, t.ends
    d = shape.size - 1
    n = shape[d]
    per_slab = 1
    for a in range(1, d):
        per_slab *= shape[a]
    size = t.nodes.size
    rows = bit.size
    minima, births = np.empty(16, index.dtype), np.empty(16, flat.dtype)
    saddles, feet, heights = np.empty(16, index.dtype), np.empty(16, index.dtype), np.empty(16, flat.dtype)
    found, entries = 0, 0
    place = np.zeros(d, np.int64)
    base, before, number = np.empty(rows, np.int64), np.empty(rows, np.bool_), np.empty(rows, np.int64)
    words = np.zeros((size, _SEGMENT), np.uint64)
    # Words whose lower link is connected, remembered by hash: on smooth data few patterns occur. At first words that never occur.
    regular = np.full((_REMEMBERED, size), ~_ZERO, np.uint64)
    left, todo, seeds = np.empty(size, np.uint64), np.empty(size, np.uint64), np.empty(64 * size, np.int64)
    for s in range(start, stop):
        for a in range(d):
            place[a] = s if a == 0 else 0
        for q in range(per_slab):
            own = (where[s] * per_slab + q) * n
            line = s * per_slab + q
            for r in range(rows):
                inside = True
                number[r] = 0
                for a in range(d):
                    x = place[a] + delta[r, a]
                    if x < 0 or x >= shape[a]:
                        if periodic[a]:
                            x %= shape[a]
                        else:
                            inside = False
                            break
                    number[r] = number[r] * shape[a] + x
                if inside:
                    slab = number[r] // per_slab
                    base[r] = (where[slab] * per_slab + number[r] % per_slab) * n
                    before[r] = number[r] < line
                else:
                    base[r] = -1
            # Without a wrap the first and last column are compared with the rest, also with what is no neighbour, whose
            # bits are then cleared; at the two ends of `flat` there is nothing to read.
            wide = not periodic[d] and own > 0 and own + n < flat.size
            for r in range(rows):
                wide &= base[r] != 0 and base[r] + n < flat.size
            for a in range(0, n, _SEGMENT):
                b = min(a + _SEGMENT, n)
                low, high = (a, b) if wide else (max(a, 1), min(b, n - 1))
                if low < high:
                    here = flat[own + low : own + high]
                    _lower_own(words[0, low - a : high - a], here, flat[own + low - 1 : own + high + 1])
                    for w in range(1, size):
                        for k in range(low - a, high - a):
                            words[w, k] = _ZERO
                    for r in range(rows):
                        if base[r] >= 0:
                            there = words[word[r], low - a : high - a]
                            if triple[r]:
                                _lower_three(
                                    there, here, flat[base[r] + low - 1 : base[r] + high + 1], before[r], bit[r]
                                )
                            else:
                                _lower_one(there, here, flat[base[r] + low : base[r] + high], before[r], bit[r])
                if wide:
                    for w in range(size):
                        if a == 0:
                            words[w, 0] &= ~ends[0, w]
                        if b == n:
                            words[w, n - 1 - a] &= ~ends[1, w]
                else:
                    if a == 0:
                        _edge(words, 0, flat, own, 0, base, before, t)
                    if b == n:
                        _edge(words, n - 1 - a, flat, own, n - 1, base, before, t)
                k = 0
                while k < b - a:
                    mixed = words[0, k]
                    for w in range(1, size):
                        mixed = mixed * _DE_BRUIJN ^ words[w, k]
                    h = np.int64((mixed * _DE_BRUIJN) >> _HASH)
                    known = True
                    for w in range(size):
                        known &= words[w, k] == regular[h, w]
                    classes = 1 if known else _link(words, k, t, left, todo, seeds)
                    if classes == 1:
                        for w in range(size):
                            regular[h, w] = words[w, k]
                        k = _alike(words, k + 1, b - a, regular[h])
                        continue
                    column, x = a + k, flat[own + a + k]
                    v = line * n + column
                    k += 1
                    if x == np.inf:
                        continue
                    if classes == 0:
                        if x != x:
                            return NOT_A_NUMBER, v, minima, births, saddles, feet, heights
                        if found == minima.size:
                            minima, births = longer(minima), longer(births)
                        minima[found], births[found] = v, x
                        found += 1
                        continue
                    if entries + classes > limit:
                        return TOO_MANY, v, minima, births, saddles, feet, heights
                    for c in range(classes):
                        if entries == saddles.size:
                            saddles, feet, heights = longer(saddles), longer(feet), longer(heights)
                        r = t.row[seeds[c]]
                        across = line if r < 0 else number[r]
                        saddles[entries], feet[entries], heights[entries] = (
                            v,
                            across * n + (column + t.shift[seeds[c]]) % n,
                            x,
                        )
                        entries += 1
            for a in range(d - 1, 0, -1):
                place[a] += 1
                if place[a] < shape[a]:
                    break
                place[a] = 0
    return DONE, 0, minima[:found], births[:found], saddles[:entries], feet[:entries], heights[:entries]


@kernel
def descend(flat, where, t, feet, arrived, budget):
    """Move every vertex of `feet` that has not `arrived` down to its minimum, or to where the window ends.

    Returns the number of steps taken; stops early, with vertices under way, when there were more than `budget`.
    """
    axes = t.shape.size
    slab = 1
    for a in range(1, axes):
        slab *= t.shape[a]
    here = np.empty(axes, np.int64)
    stride = np.empty(axes, np.int64)
    stride[axes - 1] = 1
    for a in range(axes - 2, -1, -1):
        stride[a] = stride[a + 1] * t.shape[a + 1]
    steps = 0
    for i in range(feet.size):
        if arrived[i]:
            continue
        v = np.int64(feet[i])
        while True:
            rest = v
            for a in range(axes):
                here[a] = rest // stride[a]
                rest -= here[a] * stride[a]
            best, lowest = v, flat[where[here[0]] * slab + v - here[0] * slab]
            inside = True
            for o in range(t.offsets.shape[0]):
                w, first = np.int64(0), np.int64(0)
                valid = True
                for a in range(axes):
                    x = here[a] + t.offsets[o, a]
                    if x < 0 or x >= t.shape[a]:
                        if not t.periodic[a]:
                            valid = False
                            break
                        x %= t.shape[a]
                    if a == 0:
                        first = x
                    w += x * stride[a]
                if not valid:
                    continue
                if where[first] < 0:
                    inside = False
                    break
                y = flat[where[first] * slab + w - first * slab]
                if y < lowest or (y == lowest and w < best):
                    best, lowest = w, y
            if not inside:
                break
            if best == v:
                arrived[i] = True
                break
            v = best
            steps += 1
            if steps > budget:
                break
        feet[i] = v
        if steps > budget:
            break
    return steps


@kernel
def find(parent, i):
    """The root of `i`, halving the path to it."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@kernel
def positions(minima, vertices, shift, buckets):
    """The place of each of `vertices` in the sorted `minima`, or -1; `buckets[b]` is the place of the first minimum >= `b << shift`."""
    k = 0
    for b in range(buckets.size):
        while k < minima.size and minima[k] < (b << shift):
            k += 1
        buckets[b] = k
    found = np.empty(vertices.size, np.int64)
    for i in range(vertices.size):
        k = buckets[vertices[i] >> shift]
        while k < minima.size and minima[k] < vertices[i]:
            k += 1
        found[i] = k if k < minima.size and minima[k] == vertices[i] else -1
    return found


@kernel
def kruskal(order, starts, roots, births, parent):
    """The elder rule. Saddle `g` has the entries `starts[g]` to `starts[g + 1]` and `order` sorts the saddles by (height, vertex).

    `roots` are places in the list of minima, which is sorted by vertex; `parent` is `arange`. Returns for every minimum the
    one into which it dies (-1: never), and the saddle where it does.
    """
    into, at = np.full(births.size, -1), np.full(births.size, -1)
    met = np.empty(3**6, np.int64)
    for g in order:
        first = starts[g]
        elder = find(parent, roots[first])
        different = False
        met[0] = elder
        for e in range(1, starts[g + 1] - first):
            r = find(parent, roots[first + e])
            met[e] = r
            if r != elder:
                different = True
                if births[r] < births[elder] or (births[r] == births[elder] and r < elder):
                    elder = r
        if different:
            for e in range(starts[g + 1] - first):
                r = met[e]
                if r != elder and into[r] < 0:  # the same component may have been met twice
                    parent[r], into[r], at[r] = elder, elder, g
    return into, at
