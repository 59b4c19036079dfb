"""Paths through pairs of records: which chain joins two of them.

Belongs here: small graphs around one question (a decision, an explanation). Does not belong here: the
clustering of all records (`clusters.py`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable


class Chains:
    """Paths along undirected pairs."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._neighbours: dict[str, list[str]] = {}
        for a, b in sorted(pairs):
            self._neighbours.setdefault(a, []).append(b)
            self._neighbours.setdefault(b, []).append(a)

    def between(self, start: str, end: str) -> list[str]:
        """The shortest chain of records from `start` to `end`, both included; empty when none joins them."""
        came_from: dict[str, str | None] = {start: None}
        waiting = deque([start])
        while waiting:
            record = waiting.popleft()
            if record == end:
                return _walk_back(came_from, end)
            for neighbour in self._neighbours.get(record, ()):
                if neighbour not in came_from:
                    came_from[neighbour] = record
                    waiting.append(neighbour)
        return []


def strongest_chain(pairs: Iterable[tuple[str, str, float]], start: str, end: str) -> list[str]:
    """Of all chains from `start` to `end` the one whose weakest pair is strongest, then the shortest.

    `pairs` are (a, b, weight). Empty when no chain joins them.
    """
    ordered = sorted(pairs, key=lambda pair: (-pair[2], pair[0], pair[1]))
    parent: dict[str, str] = {}

    def root(record: str) -> str:
        while parent.get(record, record) != record:
            parent[record] = parent.get(parent[record], parent[record])
            record = parent[record]
        return record

    # As soon as pairs of at least this weight join the two, the bottleneck is known.
    bottleneck = None
    for a, b, weight in ordered:
        parent.setdefault(a, a)
        parent.setdefault(b, b)
        parent[root(a)] = root(b)
        if start in parent and end in parent and root(start) == root(end):
            bottleneck = weight
            break
    if bottleneck is None:
        return []
    return Chains((a, b) for a, b, weight in ordered if weight >= bottleneck).between(start, end)


def _walk_back(came_from: dict[str, str | None], end: str) -> list[str]:
    chain = [end]
    while (previous := came_from[chain[-1]]) is not None:
        chain.append(previous)
    return chain[::-1]
