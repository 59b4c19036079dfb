"""The threshold that the data ask for: as low as it can be while clusters stay as pure as wanted.

Probabilities are calibrated, so what a threshold would do to precision can be foretold without labels: the
mean probability of all compared pairs that it brings together. Thin data need a higher threshold than rich
data, so it is no constant.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ml.identity.clusters import Floats, Indices, cluster, components

GRID = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99)
SAMPLE = 150_000
"""Pairs that are enough to foretell precision to a thousandth."""


class Pairs(NamedTuple):
    """Compared pairs of `count` records: indices a, b, the probability of each, and which are vetoed."""

    count: int
    a: Indices
    b: Indices
    probability: Floats
    vetoed: np.ndarray


class Calibration(NamedTuple):
    """The threshold and the precision that is expected of it, 0–1."""

    threshold: float
    expected_precision: float


def calibrate(pairs: Pairs, target_precision: float) -> Calibration:
    """The lowest threshold of the grid that reaches the precision, else the highest."""
    chosen = _sample(pairs)
    low, high = 0, len(GRID) - 1
    expected = {high: _expected(chosen, GRID[high])}
    while low < high:
        middle = (low + high) // 2
        expected[middle] = _expected(chosen, GRID[middle])
        if expected[middle] >= target_precision:
            high = middle
        else:
            low = middle + 1
    return Calibration(GRID[low], expected[low])


def expected_precision(pairs: Pairs, threshold: float) -> float:
    """Mean probability of the compared pairs that the threshold brings together; 1 if there are none."""
    return _expected(_sample(pairs), threshold)


def _expected(pairs: Pairs, threshold: float) -> float:
    vetoed = pairs.vetoed
    found = cluster(
        pairs.count, pairs.a, pairs.b, np.minimum(pairs.probability, 1 - 1e-12), pairs.a[vetoed],
        pairs.b[vetoed], threshold=threshold,
    )  # fmt: skip
    together = found.labels[pairs.a] == found.labels[pairs.b]
    return float(pairs.probability[together].mean()) if together.any() else 1.0


def _sample(pairs: Pairs) -> Pairs:
    """Whole components, every n-th, so that the pairs that decide about a cluster stay together."""
    likely = pairs.probability >= GRID[0]
    if likely.sum() <= SAMPLE:
        return pairs
    whole = components(pairs.count, pairs.a[likely], pairs.b[likely])
    inside = whole[pairs.a] == whole[pairs.b]
    step = int(np.ceil(likely.sum() / SAMPLE))
    # Numbers of neighbouring records have something in common; a multiple of a prime has not.
    chosen = inside & (whole[pairs.a] * 2_654_435_761 % 4_294_967_296 // 65_536 % step == 0)
    return Pairs(pairs.count, pairs.a[chosen], pairs.b[chosen], pairs.probability[chosen], pairs.vetoed[chosen])
