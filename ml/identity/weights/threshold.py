"""The threshold that the data ask for: where a wrong match is worth so many missed ones.

Probabilities are calibrated, so what a threshold would do to precision and recall can be foretold without
labels: the mean probability of all pairs of records that it brings together, and their share of all that are
probable. Thin data need another threshold than rich data, so it is no constant.
"""

from __future__ import annotations

from typing import NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt

from ml.identity.clusters import Floats, Indices, cluster, components

GRID = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99)
START = GRID.index(0.7)
ENOUGH = 1_000
"""Fewer pairs do not tell one threshold from another; then it is the middle one."""
SAMPLE = 150_000
"""Pairs that are enough to foretell precision to a thousandth."""


class Pairs(NamedTuple):
    """Compared pairs of contents: indices a, b, the probability of each, which are vetoed.

    `records` tells of every content how many records hold it, `possible` how many pairs of records are one
    customer, as far as the probabilities say.
    """

    a: Indices
    b: Indices
    probability: Floats
    vetoed: npt.NDArray[np.bool_]
    records: Indices
    possible: float


class Calibration(NamedTuple):
    """The threshold, and the precision and recall (of the compared pairs) that are expected of it, 0–1."""

    threshold: float
    precision: float
    recall: float

    def quality(self, wrong_match_weight: float) -> float:
        """F measure in which precision counts so many times as much as recall (beta² = 1 / weight)."""
        beta2 = 1 / wrong_match_weight
        return (1 + beta2) * self.precision * self.recall / max(beta2 * self.precision + self.recall, 1e-12)


def read_pairs(connection: duckdb.DuckDBPyConnection) -> Pairs:
    """All pairs of `identity.pair_score`, and the records of one content from `int_record_keys`."""
    scored = connection.execute(
        """
        select
            hash(record_id_a) as a, hash(record_id_b) as b, match_probability as probability,
            veto is not null as vetoed
        from identity.pair_score
        """
    ).fetchnumpy()
    shared = connection.execute(
        """
        select hash(representative_id) as content, count(*) as records
        from identity.int_record_keys
        group by representative_id
        having count(*) > 1
        """
    ).fetchnumpy()
    a, b, probability, vetoed = (np.asarray(scored[name]) for name in ("a", "b", "probability", "vetoed"))
    contents, index = np.unique(np.concatenate([a, b, np.asarray(shared["content"])]), return_inverse=True)
    records = np.ones(len(contents), dtype=np.int64)
    records[index[2 * len(a) :]] = np.asarray(shared["records"])
    a, b = index[: len(a)], index[len(a) : 2 * len(a)]
    return Pairs(a, b, probability, vetoed, records, _possible(a, b, probability, vetoed, records))


def calibrate(pairs: Pairs, wrong_match_weight: float) -> Calibration:
    """The threshold of the grid with the best expected quality, found by climbing from the middle."""
    chosen = sample(pairs)
    if len(chosen.a) < ENOUGH:
        return expect(chosen, GRID[START])
    known: dict[int, Calibration] = {}

    def quality(place: int) -> float:
        if place not in known:
            known[place] = expect(chosen, GRID[place])
        return known[place].quality(wrong_match_weight)

    place = START
    for step in (1, -1):
        while 0 <= place + step < len(GRID) and quality(place + step) > quality(place):
            place += step
    quality(place)
    return known[place]


def expect(pairs: Pairs, threshold: float) -> Calibration:
    """What the threshold is expected to bring."""
    count, vetoed = len(pairs.records), pairs.vetoed
    label = cluster(
        count, pairs.a, pairs.b, np.minimum(pairs.probability, 1 - 1e-12), pairs.a[vetoed], pairs.b[vetoed],
        threshold=threshold,
    ).labels  # fmt: skip
    together = label[pairs.a] == label[pairs.b]
    a, b, probability = pairs.a[together], pairs.b[together], pairs.probability[together]
    size = np.bincount(label, pairs.records, count)
    same = np.bincount(label, pairs.records * (pairs.records - 1) / 2, count)
    weight = (pairs.records[a] * pairs.records[b]).astype(np.float64)
    compared = np.bincount(label[a], weight, count)
    # Nobody compared the two ends of a chain; they are one customer about as often as its weakest link is.
    weakest = np.ones(count)
    np.minimum.at(weakest, label[a], probability)
    found = size * (size - 1) / 2
    right = float(same.sum() + weight @ probability)
    return Calibration(
        threshold,
        (right + float((found - same - compared) @ weakest)) / max(float(found.sum()), 1.0)
        if found.any()
        else 1.0,
        right / max(pairs.possible, right) if right else 1.0,
    )


def _possible(
    a: Indices, b: Indices, probability: Floats, vetoed: npt.NDArray[np.bool_], records: Indices
) -> float:
    weight = records[a] * records[b] * ~vetoed
    return float(weight @ probability) + float((records * (records - 1) / 2).sum())


def sample(pairs: Pairs) -> Pairs:
    """Whole components, every n-th, so that the pairs that decide about a cluster stay together."""
    count = len(pairs.records)
    likely = pairs.probability >= GRID[0]
    step = int(np.ceil(likely.sum() / SAMPLE))
    if step <= 1:
        return pairs
    whole = components(count, pairs.a[likely], pairs.b[likely])
    # Numbers of neighbouring records have something in common; a multiple of a prime has not.
    chosen = whole * 2_654_435_761 % 4_294_967_296 // 65_536 % step == 0
    records = np.where(chosen, pairs.records, 1)
    kept = chosen[pairs.a]
    a, b, probability, vetoed = (column[kept] for column in pairs[:4])
    possible = _possible(a, b, probability, vetoed, records)
    inside = whole[a] == whole[b]
    return Pairs(a[inside], b[inside], probability[inside], vetoed[inside], records, possible)
