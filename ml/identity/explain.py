"""Why two records are one customer or are not: evidence weight by weight, vetoes, decisions, the path.

Belongs here: gathering the facts. Does not belong here: showing them (`explain_text.py`, `waterfall.py`) and
finding the two that were asked for (`lookup.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import duckdb

from ml.identity import compiled
from ml.identity.evidence import VETO_QUERY, Matching, has_rows, matching_in_use, pair_query
from ml.identity.links import strongest_chain
from ml.identity.pair_weights import Item, PairEvidence, weigh_pairs

VALUES = (
    "kind", "salutation", "title", "first_name", "last_name", "company_name", "vat_id", "birth_date", "email",
    "phone", "mobile", "street", "house_no", "postal_code", "city", "card_no",
)  # fmt: skip
VETOES_SHOWN = 5

__all__ = ["Explanation", "Item", "PairEvidence", "explain"]


@dataclass(frozen=True)
class Decided:
    """A decision of a steward between records of the two customers."""

    action: str
    record_id_a: str
    record_id_b: str
    author: str
    reason: str
    day: str
    status: str


@dataclass(frozen=True)
class Explanation:
    """All that is known about the question whether records a and b are one customer.

    `chain` is the path of records that joins them, empty when they are two customers; `steps` is the evidence
    of its pairs. `values` are (field, value of a, value of b). `clusters_apart` are vetoes and unlinks
    between records of the two customers: (record, record, reason).
    """

    record_a: str
    record_b: str
    customer_a: str
    customer_b: str
    matching: Matching
    direct: PairEvidence
    chain: list[str]
    steps: list[PairEvidence]
    values: list[tuple[str, str, str]]
    decisions: list[Decided]
    clusters_apart: list[tuple[str, str, str]]

    @property
    def one_customer(self) -> bool:
        return self.customer_a == self.customer_b

    @property
    def verdict(self) -> str:
        """One sentence."""
        both = f"{self.record_a} and {self.record_b}"
        if self.one_customer:
            how = "directly" if len(self.chain) == 2 else f"through {' – '.join(self.chain[1:-1])}"
            return f"{both} are one customer, {self.customer_a}, joined {how}."
        apart = f"{both} are two customers, {self.customer_a} and {self.customer_b}: "
        unlinked = [d for d in self.decisions if d.action == "unlink" and d.status == "in_force"]
        if unlinked:
            return apart + f"{unlinked[0].author} parted them."
        if self.direct.veto:
            return apart + f"a veto keeps them apart ({self.direct.veto})."
        if self.direct.matches and self.clusters_apart:
            return apart + "they match, but a veto stands between what the two customers hold."
        if self.direct.matches:
            return apart + "they match, but a guard of the clustering kept them apart."
        return apart + "the evidence is too weak."


def explain(connection: duckdb.DuckDBPyConnection, record_a: str, record_b: str, target: Path) -> Explanation:
    """Explains two records of the warehouse; a read-only connection will do.

    `target` is dbt's target directory; it is needed for pairs that were never compared. Both records exist
    (`lookup.find_records` says so). Raises UserError when nothing was resolved yet.
    """
    matching = matching_in_use(connection)
    customers = dict(
        connection.execute(
            "select record_id, customer_id from identity.identity_assignment where record_id in (?, ?)",
            [record_a, record_b],
        ).fetchall()
    )
    members = _members(connection, customers)
    pairs = _pairs_within(connection, matching, members)
    decisions = _decisions(connection, members)
    chain: list[str] = []
    if customers[record_a] == customers[record_b]:
        linked = [
            (d.record_id_a, d.record_id_b, 2.0)
            for d in decisions
            if d.action == "link" and d.status == "in_force"
        ]
        chain = strongest_chain([*_kept_apart(pairs, decisions), *linked], record_a, record_b)
    direct = tuple(sorted((record_a, record_b)))
    along = [tuple(sorted(step)) for step in pairwise(chain)]
    evidence = _evidence(connection, matching, [direct, *along], target)  # type: ignore[list-item]
    return Explanation(
        record_a,
        record_b,
        customers[record_a],
        customers[record_b],
        matching,
        evidence[direct],  # type: ignore[index]
        chain,
        [evidence[step] for step in along],  # type: ignore[index]
        _values(connection, record_a, record_b),
        decisions,
        _apart(connection, members, decisions),
    )


def _members(connection: duckdb.DuckDBPyConnection, customers: dict[str, str]) -> dict[str, str]:
    """record_id → customer_id of all records of the customers."""
    return dict(
        connection.execute(
            "select record_id, customer_id from identity.identity_assignment"
            " where list_contains(?, customer_id) order by 1",
            [sorted(set(customers.values()))],
        ).fetchall()
    )


def _pairs_within(
    connection: duckdb.DuckDBPyConnection, matching: Matching, members: dict[str, str]
) -> list[tuple[str, str, float]]:
    """Matched pairs (a, b, probability) between records of the same customer."""
    rows = connection.execute(
        f"""
        select record_id_a, record_id_b, match_probability
        from ({pair_query(matching)}) as pair
        where matches and list_contains($ids, record_id_a) and list_contains($ids, record_id_b)
        """,
        {"ids": list(members)},
    ).fetchall()
    return [(a, b, p) for a, b, p in rows if members[a] == members[b]]


def _kept_apart(
    pairs: list[tuple[str, str, float]], decisions: list[Decided]
) -> list[tuple[str, str, float]]:
    unlinked = {
        (d.record_id_a, d.record_id_b) for d in decisions if d.action == "unlink" and d.status == "in_force"
    }
    return [pair for pair in pairs if (pair[0], pair[1]) not in unlinked]


def _decisions(connection: duckdb.DuckDBPyConnection, members: dict[str, str]) -> list[Decided]:
    if not has_rows(connection, "steward_decision"):
        return []
    rows = connection.execute(
        """
        select action, record_id_a, record_id_b, author, reason, strftime(decided_at, '%Y-%m-%d'), status
        from identity.steward_decision
        where list_contains($ids, record_id_a) and list_contains($ids, record_id_b)
        order by decided_at, decision_id
        """,
        {"ids": list(members)},
    ).fetchall()
    return [Decided(*row) for row in rows]


def _apart(
    connection: duckdb.DuckDBPyConnection, members: dict[str, str], decisions: list[Decided]
) -> list[tuple[str, str, str]]:
    rows = connection.execute(
        f"""
        select record_id_a, record_id_b, reason from ({VETO_QUERY}) as veto
        where list_contains($ids, record_id_a) and list_contains($ids, record_id_b)
        order by 1, 2
        """,
        {"ids": list(members)},
    ).fetchall()
    found = [
        (d.record_id_a, d.record_id_b, f"unlinked by {d.author}: {d.reason}")
        for d in decisions
        if d.action == "unlink" and d.status == "in_force"
    ]
    found += [(a, b, reason) for a, b, reason in rows if members[a] != members[b]]
    return found[:VETOES_SHOWN]


def _evidence(
    connection: duckdb.DuckDBPyConnection,
    matching: Matching,
    pairs: list[tuple[str, str]],
    target: Path,
) -> dict[tuple[str, str], PairEvidence]:
    """The evidence of each pair; those that were no candidates are compared on the spot."""
    found = weigh_pairs(connection, matching, pairs)
    missing = [pair for pair in dict.fromkeys(pairs) if pair not in found]
    if missing:
        compiled.compare(connection, target, missing)
        found |= weigh_pairs(connection, matching, missing, prefix=f"temp.{compiled.PREFIX}")
    return found


def _values(
    connection: duckdb.DuckDBPyConnection, record_a: str, record_b: str
) -> list[tuple[str, str, str]]:
    present = connection.execute("select * from identity.int_source_records limit 0").description or []
    known = {column[0] for column in present}
    fields = [name for name in VALUES if name in known]
    columns = ", ".join(f"coalesce({name}::varchar, '')" for name in fields)
    rows = dict(
        (row[0], row[1:])
        for row in connection.execute(
            f"select record_id, {columns} from identity.int_source_records where record_id in (?, ?)",
            [record_a, record_b],
        ).fetchall()
    )
    values = zip(fields, rows[record_a], rows[record_b], strict=True)
    return [(name, a, b) for name, a, b in values if a or b]
