"""What one pair's evidence weighs, comparison by comparison; the weights add up to the pair's.

Weights are in bits: one more doubles the odds that two records are one customer. Belongs here: taking a
pair's weight apart. Does not belong here: where weights come from (`weights/`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import duckdb

from ml.identity.evidence import RULES, Matching

PRIOR = "prior"
JOINT = "×"
"""Between the comparisons of an interaction, and between their levels."""
UNKNOWN = ("unknown", "false", None)
"""Levels that say nothing; rules leave them out of the evidence."""

Pair = tuple[str, str]


@dataclass(frozen=True)
class Item:
    """One comparison: its level, and its weight in bits; null where rules decide and nothing is weighed."""

    comparison: str
    level: str
    weight: float | None


@dataclass(frozen=True)
class PairEvidence:
    """The evidence of a pair. `weight` is the sum of the items'; `was_candidate`: matching compared it."""

    record_id_a: str
    record_id_b: str
    items: list[Item]
    weight: float | None
    probability: float
    veto: str | None
    matches: bool
    rule: str
    was_candidate: bool

    def items_by_size(self) -> list[Item]:
        """The prior first, then what weighs most."""
        return sorted(
            self.items, key=lambda i: (i.comparison != PRIOR, -abs(i.weight or 0.0), i.comparison, i.level)
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
    read = _by_rules if matching is RULES else _by_weights
    return {
        pair: read(connection, matching, pair, levels, pair in same, prefix)
        for pair, levels in compared.items()
    }


def _by_rules(
    connection: duckdb.DuckDBPyConnection,
    _matching: Matching,
    pair: Pair,
    levels: dict[str, Any],
    same_content: bool,
    prefix: str,
) -> PairEvidence:
    rules = connection.execute(
        f"""
        select found.rule, rules.match_probability
        from (
            select record_id_a, record_id_b, rule from {_relation(prefix, "int_person_matches")}
            union all
            select record_id_a, record_id_b, rule from {_relation(prefix, "int_company_matches")}
        ) as found
        inner join identity.matching_rules as rules on found.rule = rules.rule
        where record_id_a = ? and record_id_b = ?
        order by rules.match_probability desc
        """,
        list(pair),
    ).fetchall()
    vetoes = _rows(connection, _relation(prefix, "identity_vetoes"), [pair])
    veto = vetoes[pair]["reason"] if pair in vetoes else None
    rule, probability = ("same_content", 1.0) if same_content else rules[0] if rules else ("none", 0.0)
    shown = [
        Item(name, _text(level), None)
        for name, level in levels.items()
        if name != "kind" and _text(level) not in UNKNOWN
    ]
    weight = bits(probability) if rule != "none" else None
    if weight is not None:
        shown.append(Item("rule", rule, weight))
    return PairEvidence(*pair, shown, weight, probability, veto, rule != "none", rule, not prefix)


def _by_weights(
    connection: duckdb.DuckDBPyConnection,
    matching: Matching,
    pair: Pair,
    levels: dict[str, Any],
    same_content: bool,
    prefix: str,
) -> PairEvidence:
    rows = connection.execute(
        "select comparison, level, weight from identity.matching_weight where version = ? order by 1, 2",
        [matching.version],
    ).fetchall()
    items = [Item(c, level, w) for c, level, w in rows if _applies(c, level, levels)]
    weight = math.fsum(item.weight or 0.0 for item in items)
    probability = probability_of(weight)
    scored = _rows(connection, "identity.pair_score", [pair]) if not prefix else {}
    veto = scored[pair]["veto"] if pair in scored else None
    matches = same_content or (probability >= matching.threshold and veto is None)
    rule = "same_content" if same_content else "weights"
    return PairEvidence(*pair, items, weight, probability, veto, matches, rule, not prefix)


def _applies(comparison: str, level: str, levels: dict[str, Any]) -> bool:
    """Whether the weight of the level of a comparison, or of an interaction of some, is the pair's."""
    if comparison == PRIOR:
        return True
    names, wanted = comparison.split(JOINT), level.split(JOINT)
    return len(names) == len(wanted) and all(
        name in levels and _text(levels[name]) == want for name, want in zip(names, wanted, strict=True)
    )


def _text(level: Any) -> str:
    return str(level).lower() if isinstance(level, bool) else str(level)


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
