"""From scored pairs to clusters of records by average linkage: a cluster is what its pairs say on the whole.

Belongs here: graph work on integer indices. Does not belong here: how pairs are found and scored (dbt,
`weights/`) and which id a cluster bears (`registry.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Indices = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MAXIMUM_SIZE = 200
"""Distinct contents that one cluster may hold; nobody is known under more."""

CERTAIN = 12.0
"""A pair's evidence counts up to so many nats (odds of 160,000 : 1), so that no pair outvotes all others."""
UNIT = 1000
"""Evidence is added up in whole thousandths: a sum does not depend on its order."""
VETO = -(10**12)


@dataclass(frozen=True)
class Clusters:
    """`labels[i]`: the smallest index in the cluster of record i; `kept[j]`: pair j matches and was used."""

    labels: Indices
    kept: npt.NDArray[np.bool_]


def components(count: int, a: Indices, b: Indices) -> Indices:
    """Connected components of `count` nodes: for each the smallest index of its component, shape (count,)."""
    if count == 0:
        return np.empty(0, dtype=np.int64)
    graph = coo_array((np.ones(len(a), dtype=np.int32), (a, b)), shape=(count, count))
    number, component = connected_components(graph, directed=False)
    smallest = np.full(number, count, dtype=np.int64)
    np.minimum.at(smallest, component, np.arange(count))
    return smallest[component]


def cluster(
    count: int,
    a: Indices,
    b: Indices,
    probability: Floats,
    veto_a: Indices,
    veto_b: Indices,
    maximum_size: int = MAXIMUM_SIZE,
    threshold: float = 0.5,
) -> Clusters:
    """Clusters `count` records by the pairs (a, b); no two records of a veto end up together.

    A pair with probability 1 says that both records hold the same, so it is always used and its records
    count as one. Every other pair speaks for one cluster with the log-odds of its probability less those
    of the `threshold`, hence against it below the threshold; a pair that was never compared says nothing.
    From the strongest on, two clusters become one as long as the mean of their pairs is positive (average
    linkage, Sokal and Michener 1958) and they hold at most `maximum_size` contents. A chain with a weak
    link therefore parts there when the rest speaks against it. Deterministic, also for ties.

    Raises ValueError when a veto joins two records of the same content.
    """
    certain = probability >= 1.0
    content = components(count, a[certain], b[certain])
    if np.any(content[veto_a] == content[veto_b]):
        raise ValueError("a veto joins two records that hold the same content")
    doubtful = np.flatnonzero(~certain)
    evidence = np.clip(_log_odds(probability[doubtful]), -CERTAIN, CERTAIN) - _log_odds(np.float64(threshold))
    units = np.round(evidence * UNIT).astype(np.int64)
    # A pair at the threshold matches, so it speaks for one cluster, as little as can be.
    units = np.where(probability[doubtful] >= threshold, np.maximum(units, 1), units)
    edges = _Edges.of(
        np.concatenate([content[a[doubtful]], content[veto_a]]),
        np.concatenate([content[b[doubtful]], content[veto_b]]),
        np.concatenate([units, np.full(len(veto_a), VETO)]),
    )
    labels = _average_linkage(count, edges, maximum_size)[content]
    # The founder is the smallest record, not the smallest content that happened to come first.
    smallest = np.full(count, count, dtype=np.int64)
    np.minimum.at(smallest, labels, np.arange(count))
    labels = smallest[labels]
    together = labels[a] == labels[b]
    return Clusters(labels, certain | (together & (probability >= threshold)))


def _log_odds(probability: npt.NDArray[np.float64] | np.float64) -> npt.NDArray[np.float64]:
    inside = np.clip(probability, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(inside / (1 - inside)))


@dataclass(frozen=True)
class _Edges:
    """Pairs of clusters x < y, each once, ordered; `total`: the evidence between their records."""

    x: Indices
    y: Indices
    total: Indices

    @classmethod
    def of(cls, a: Indices, b: Indices, total: Indices) -> _Edges:
        """Puts the evidence of each two clusters together; pairs within one are left out."""
        apart = a != b
        x, y, total = np.minimum(a, b)[apart], np.maximum(a, b)[apart], total[apart]
        order = np.lexsort((y, x))
        x, y, total = x[order], y[order], total[order]
        first = np.flatnonzero(np.r_[True, (x[1:] != x[:-1]) | (y[1:] != y[:-1])]) if len(x) else order
        return cls(x[first], y[first], np.add.reduceat(total, first) if len(x) else total)

    def take(self, chosen: npt.NDArray[np.bool_]) -> _Edges:
        return _Edges(self.x[chosen], self.y[chosen], self.total[chosen])


def _average_linkage(count: int, edges: _Edges, maximum_size: int) -> Indices:
    """Joins clusters until no two have positive evidence on average; returns the cluster of each node.

    In every round those pairs join that are the best one for both sides. As joining never makes a third
    cluster nearer than the nearer of the two was, this ends like joining the best pair of all, one by one.
    """
    label = np.arange(count)
    size = np.ones(count, dtype=np.int64)
    while True:
        # Only what positive evidence connects can ever join.
        whole = components(count, edges.x[edges.total > 0], edges.y[edges.total > 0])
        edges = edges.take(whole[edges.x] == whole[edges.y])
        mean = edges.total / (size[edges.x] * size[edges.y])
        fits = (mean > 0) & (size[edges.x] + size[edges.y] <= maximum_size)
        if not fits.any():
            return label
        order = np.flatnonzero(fits)
        order = order[np.lexsort((edges.y[order], edges.x[order], -mean[order]))]
        x, y = edges.x[order], edges.y[order]
        rank = np.arange(len(order))
        best = np.full(count, len(order))
        np.minimum.at(best, x, rank)
        np.minimum.at(best, y, rank)
        mutual = (best[x] == rank) & (best[y] == rank)
        winner, loser = x[mutual], y[mutual]
        size[winner] += size[loser]
        becomes = np.arange(count)
        becomes[loser] = winner
        label = becomes[label]
        edges = _Edges.of(becomes[edges.x], becomes[edges.y], edges.total)
