"""What one pair's evidence weighs, comparison by comparison; the weights add up to the pair's.

Weights are in bits: one more doubles the odds that two records are one customer. Belongs here: taking a
pair's weight apart. Does not belong here: where weights come from (`weights/`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from ml.identity.evidence import Matching
from ml.identity.weights.vetoes import find_vetoes

PRIOR = "prior"
JOINT = "×"
"""Between the comparisons of an interaction, and between their levels."""
Pair = tuple[str, str]


@dataclass(frozen=True)
class Item:
    """One comparison, or an interaction of some: its level, and its weight in bits."""

    comparison: str
    level: str
    weight: float


@dataclass(frozen=True)
class PairEvidence:
    """The evidence of a pair. `weight` is the sum of the items'; `was_candidate`: matching compared it."""

    record_id_a: str
    record_id_b: str
    items: list[Item]
    weight: float
    probability: float
    veto: str | None
    matches: bool
    same_content: bool
    was_candidate: bool

    def items_by_size(self) -> list[Item]:
        """The prior first, then what weighs most."""
        return sorted(
            self.items, key=lambda i: (i.comparison != PRIOR, -abs(i.weight), i.comparison, i.level)
        )


def bits(probability: float) -> float:
    """Log2 of the odds; probabilities of 0 and 1 are taken a little inside."""
    inside = min(max(probability, 1e-12), 1 - 1e-12)
    return math.log2(inside / (1 - inside))


def probability_of(weight: float) -> float:
    """The probability whose odds are 2 to the `weight`."""
    return 1 / (1 + 2.0**-weight) if weight > -1000 else 0.0


def weigh_pairs(
    connection: duckdb.DuckDBPyConnection, matching: Matching, pairs: list[Pair], prefix: str = ""
) -> dict[Pair, PairEvidence]:
    """The evidence of those of the `pairs` (a < b) that were compared.

    With a `prefix`, reads the temporary tables of that prefix (`compiled.compare`), not the warehouse's.
    """
    compared = _rows(connection, _relation(prefix, "int_pair_comparisons"), pairs)
    same = _same_content(connection, pairs)
    rows = connection.execute(
        "select comparison, level, weight from identity.matching_weight where version = ? order by 1, 2",
        [matching.version],
    ).fetchall()
    weights = [Item(*row) for row in rows]
    vetoes = connection.execute("select vetoes from identity.matching_run").fetchall()[0][0]
    found = {}
    for pair, levels in compared.items():
        veto = find_vetoes(pa.table({name: [level] for name, level in levels.items()}), vetoes)[0].as_py()
        found[pair] = _weighed(pair, levels, weights, veto, matching.threshold, pair in same, not prefix)
    return found


def _weighed(
    pair: Pair,
    levels: dict[str, str],
    weights: list[Item],
    veto: str | None,
    threshold: float,
    same_content: bool,
    was_candidate: bool,
) -> PairEvidence:
    items = [item for item in weights if _applies(item, levels)]
    weight = math.fsum(item.weight for item in items)
    probability = probability_of(weight)
    matches = same_content or (probability >= threshold and veto is None)
    return PairEvidence(*pair, items, weight, probability, veto, matches, same_content, was_candidate)


def _applies(item: Item, levels: dict[str, str]) -> bool:
    """Whether the weight of the level of a comparison, or of an interaction of some, is the pair's."""
    if item.comparison == PRIOR:
        return True
    names, wanted = item.comparison.split(JOINT), item.level.split(JOINT)
    return all(levels.get(name) == want for name, want in zip(names, wanted, strict=True))


def _relation(prefix: str, table: str) -> str:
    return f"{prefix}{table}" if prefix else f"identity.{table}"


def _rows(
    connection: duckdb.DuckDBPyConnection, relation: str, pairs: list[Pair]
) -> dict[Pair, dict[str, Any]]:
    """pair → the other columns of its row."""
    result = connection.execute(
        f"""
        select * from {relation}
        where list_contains(?, {{'a': record_id_a, 'b': record_id_b}})
        """,
        [[{"a": a, "b": b} for a, b in pairs]],
    )
    names = [column[0] for column in result.description or []]
    found = {}
    for row in result.fetchall():
        values = dict(zip(names, row, strict=True))
        found[values.pop("record_id_a"), values.pop("record_id_b")] = values
    return found


def _same_content(connection: duckdb.DuckDBPyConnection, pairs: list[Pair]) -> set[Pair]:
    ids = sorted({record for pair in pairs for record in pair})
    stands_for = dict(
        connection.execute(
            "select record_id, representative_id from identity.int_record_keys"
            " where list_contains(?, record_id)",
            [ids],
        ).fetchall()
    )
    return {(a, b) for a, b in pairs if stands_for.get(a, a) == stands_for.get(b, b)}
