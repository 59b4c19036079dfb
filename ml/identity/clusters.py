"""From matched pairs to clusters of records: connected components with guards.

Belongs here: graph work on integer indices. Does not belong here: how pairs are found (dbt, schema
`identity`) and which id a cluster bears (`registry.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Indices = npt.NDArray[np.int64]

MAXIMUM_SIZE = 200
"""Distinct contents that one cluster may hold; nobody is known under more."""


@dataclass(frozen=True)
class Clusters:
    """`labels[i]`: the smallest index in the cluster of record i; `kept[j]`: whether pair j was used."""

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
    probability: npt.NDArray[np.float64],
    veto_a: Indices,
    veto_b: Indices,
    maximum_size: int = MAXIMUM_SIZE,
) -> Clusters:
    """Clusters `count` records by the pairs (a, b); no two records of a veto end up together.

    A pair with probability 1 says that both records hold the same, so it is always used and its records
    count as one. Where a component holds a veto or more than `maximum_size` contents, its pairs are taken
    from the strongest to the weakest (ties: smallest indices) and a pair that would break a guard is left
    out: the component splits at its weakest places. Deterministic; work is linear but for the sort.

    Raises ValueError when a veto joins two records of the same content.
    """
    certain = probability >= 1.0
    content = components(count, a[certain], b[certain])
    left, right = content[a], content[b]
    veto_left, veto_right = content[veto_a], content[veto_b]
    if np.any(veto_left == veto_right):
        raise ValueError("a veto joins two records that hold the same content")

    whole = components(count, left, right)
    suspect = np.zeros(count, dtype=bool)
    conflict = whole[veto_left] == whole[veto_right]
    suspect[whole[veto_left[conflict]]] = True
    sizes = np.bincount(whole[np.unique(content)], minlength=count) if count else np.empty(0, dtype=np.int64)
    suspect |= sizes > maximum_size
    if not suspect.any():
        return Clusters(whole[content], np.ones(len(a), dtype=bool))

    kept = certain | ~suspect[whole[left]]
    disputed = np.flatnonzero(~kept)
    order = disputed[np.lexsort((right[disputed], left[disputed], -probability[disputed]))]
    kept[order] = _guarded_unions(
        left[order].tolist(),
        right[order].tolist(),
        list(zip(veto_left[conflict].tolist(), veto_right[conflict].tolist(), strict=True)),
        maximum_size,
    )
    return Clusters(components(count, a[kept], b[kept]), kept)


def _guarded_unions(
    left: list[int], right: list[int], vetoes: list[tuple[int, int]], maximum_size: int
) -> list[bool]:
    """Joins the pairs in order unless a veto or the size forbids it; says for each whether it holds."""
    parent: dict[int, int] = {}
    size: dict[int, int] = {}
    enemies: dict[int, set[int]] = {}
    for x, y in vetoes:
        enemies.setdefault(x, set()).add(y)
        enemies.setdefault(y, set()).add(x)

    def root(node: int) -> int:
        top = node
        while parent.get(top, top) != top:
            top = parent[top]
        while node != top:
            parent[node], node = top, parent.get(node, top)
        return top

    def joined(x: int, y: int) -> bool:
        x, y = root(x), root(y)
        if x == y:
            return True
        if size.get(x, 1) + size.get(y, 1) > maximum_size or y in enemies.get(x, ()):
            return False
        if len(enemies.get(x, ())) + size.get(x, 1) < len(enemies.get(y, ())) + size.get(y, 1):
            x, y = y, x
        parent[y] = x
        size[x] = size.get(x, 1) + size.get(y, 1)
        # Every enemy of the smaller part is an enemy of the whole; enemies name roots.
        for enemy in enemies.pop(y, set()):
            enemies[enemy].discard(y)
            enemies[enemy].add(x)
            enemies.setdefault(x, set()).add(enemy)
        return True

    return [joined(x, y) for x, y in zip(left, right, strict=True)]
