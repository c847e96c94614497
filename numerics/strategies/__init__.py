r"""Hypothesis strategies for exact instances: dimensions, spectrum and frame first, entries second.

What a generator draws decides what a check can find. A tie between singular values has probability zero among random
entries and is common here, because instances are *planted*: a spectrum with ties, zeros and tiny gaps, between
rational orthogonal frames, gives a rational matrix whose singular values, rank and optimal approximations are known
exactly. Everything is ordered so that the simplest draw is the smallest and emptiest one: shrinking ends at
$1 \times 1$ and zero.

**One decoder, two sources of bytes.** Each kind of instance is built by a method of `Stream` from a few bytes that index
tables of small numbers, simplest first. The strategies of this module feed a `Stream` with bytes that Hypothesis draws
and can shrink. A `Batch` feeds it with a counter-based generator, where member $i$ needs nothing but the specification
and $i$: one draw of Hypothesis, which costs a few tenths of a millisecond, then serves many instances. `alone` puts
Hypothesis' bytes back under the same construction, so that a failure seen in a batch can be searched for and shrunk.

```python
@dataclass(frozen=True)
class Shape:
    rows: int
    cols: int
    seed: int

def make(shape: Shape, i: int) -> Planted:
    return Stream(shape.seed, i).planted(shape.rows, shape.cols)

shapes = st.builds(Shape, sizes(), sizes(), seeds())
batches(shapes, make, size=64)          # Batch(spec=Shape(rows=1, cols=1, seed=0), size=64), ...
alone(batches(shapes, make))            # single members, drawn and shrunk by Hypothesis
```

**Cost.** Frames are made in integers: for $K = k/c$ with an integer matrix $k$, Cayley's transform is
$(I - K)(I + K)^{-1} = 2c\,(cI + k)^{-1} - I$, so that FLINT inverts an integer matrix and no rational is built in
Python. Products are taken in integers too, with one division at the end. Members of a batch share frames: `POOL` of
them belong to a seed and a size, and each member takes a left and a right one, while its spectrum is its own. Another
seed has other frames. `benchmarks/bench_instances.py` measures what this gives.
"""

from numerics.strategies.batches import Batch as Batch
from numerics.strategies.batches import alone as alone
from numerics.strategies.batches import batches as batches
from numerics.strategies.drawn import data_matrices as data_matrices
from numerics.strategies.drawn import frames as frames
from numerics.strategies.drawn import labels as labels
from numerics.strategies.drawn import linear_networks as linear_networks
from numerics.strategies.drawn import matrices as matrices
from numerics.strategies.drawn import planted_matrices as planted_matrices
from numerics.strategies.drawn import rationals as rationals
from numerics.strategies.drawn import seeds as seeds
from numerics.strategies.drawn import sizes as sizes
from numerics.strategies.drawn import spectra as spectra
from numerics.strategies.drawn import symmetric_matrices as symmetric_matrices
from numerics.strategies.drawn import widths as widths
from numerics.strategies.stream import POOL as POOL
from numerics.strategies.stream import TINY as TINY
from numerics.strategies.stream import Planted as Planted
from numerics.strategies.stream import Stream as Stream
from numerics.strategies.stream import spectral_stratum as spectral_stratum
