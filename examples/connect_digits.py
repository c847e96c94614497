"""Connect two independently trained networks on handwritten digits, and certify how high the path between them climbs.

    python examples/connect_digits.py FIGURE.pdf

Two classifiers (64 -> 16 -> 10, ReLU with biases, scikit-learn) are trained from different seeds on the same 300 digits, and
polished to minima of the cross-entropy with weight decay on all parameters. Four paths join them in weight space: the straight line; the straight line after the hidden units of the second network were
put into the best order (the same function); a quadratic Bezier curve; and an elastic band. The largest loss on each of them is *certified*: every point of the path is below the number printed, rounding included, not only the
samples that were drawn. Whatever the barrier between the two networks is, it is at most the smallest of these numbers.
"""

import math
import sys
import warnings
from typing import Any

import numpy as np
from scipy.optimize import minimize
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from numerics.evidence.certificate import Point
from numerics.networks import Data, from_scikit_learn
from numerics.sublevel.losses import NetworkLoss
from numerics.sublevel.paths.barriers import plot_profile
from numerics.sublevel.paths.certified import PathCertificate
from numerics.sublevel.paths.chords import value_at
from numerics.sublevel.paths.finders import connect_by_search
from numerics.sublevel.paths.point_vectors import objective, of_network, pack, rounded
from numerics.sublevel.paths.unit_paths import aligned

DECAY = 0.05
TOLERANCE = 0.01


def training_data(samples: int = 300) -> Data:
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))[:samples]
    return Data(X[order] / 16.0, y[order])


def trained(data: Data, seed: int, hidden: int = 16) -> tuple[NetworkLoss, Point]:
    model = MLPClassifier((hidden,), solver="lbfgs", alpha=2 * DECAY, max_iter=200, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it need not converge
        model.fit(data.X, data.y)
    loss, point = of_network(from_scikit_learn(model), data, ridge=DECAY)
    found = minimize(objective(loss, point), pack(point), jac=True, method="L-BFGS-B", options={"maxiter": 300})
    return loss, rounded(found.x, point)


def connections(loss: NetworkLoss, a: Point, b: Point) -> dict[str, PathCertificate]:
    """The four paths, each with its certificate. Those after the first end in `b` with its hidden units in another order."""
    ordered, _ = aligned(a, b, loss)
    return {
        "straight line": connect_by_search(a, b, loss, "line", tolerance=TOLERANCE),
        "straight line, units in order": connect_by_search(a, ordered, loss, "line", tolerance=TOLERANCE),
        "Bezier curve": connect_by_search(a, ordered, loss, "bezier", steps=40, nodes=7, tolerance=TOLERANCE),
        "elastic band": connect_by_search(a, ordered, loss, "elastic band", steps=30, tolerance=TOLERANCE),
    }


def main(figure: str, samples: int = 300, hidden: int = 16) -> None:
    from matplotlib.figure import Figure

    data = training_data(samples)
    (loss, a), (_, b) = (trained(data, seed, hidden) for seed in (0, 1))

    def mean(total: Any) -> float:
        return math.ceil(float(total) / len(data) * 1e4) / 1e4

    print("mean loss of the two networks:", *(f"{value_at(loss, w)[1] / len(data):.4f}" for w in (a, b)))
    canvas = Figure(figsize=(9, 5), layout="constrained")
    axes = canvas.subplots(2, 2, sharey=True).ravel()
    for ax, (name, path) in zip(axes, connections(loss, a, b).items(), strict=True):
        answer = "certified" if path.verify().holds else "NOT certified"
        print(
            f"{name:30s} {len(path.rules):3d} segments, mean loss at most {mean(path.level):.4f} on all of it, {answer}"
        )
        plot_profile(path, ax)
        ax.set_title(name)
    canvas.savefig(figure, metadata={"CreationDate": None} if figure.endswith("pdf") else None)
    print(f"wrote {figure}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python examples/connect_digits.py FIGURE.pdf")
    main(sys.argv[1])
