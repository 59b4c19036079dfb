"""How good a resolution is, and where it fails: by household, by kind of difficulty, against what is
possible.

Belongs here: measures on records, truth (`worlds.TRUTH_SCHEMA`) and an assignment. Pairs of records are
what is
counted; `evaluation.py` holds the plain measure for the demo.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from ml.identity.clusters import components
from ml.identity.evaluation import PairwiseScores, pairwise_scores

_SQL = Path(__file__).with_suffix(".sql")
_DIFFICULTIES = (
    "entity_kind", "systems", "first_names", "last_names", "emails", "phones", "birth_dates", "addresses",
)  # fmt: skip


_EVIDENCE = ("share_a_value", "share_a_value_or_name")


@dataclass(frozen=True)
class Share:
    """`part` of `whole` pairs; the share of nothing is 1."""

    part: int
    whole: int

    @property
    def value(self) -> float:
        return self.part / self.whole if self.whole else 1.0


@dataclass(frozen=True)
class Scorecard:
    """Measures of one resolution; all shares 0–1."""

    pairs: PairwiseScores
    b_cubed: tuple[float, float, float]
    """Precision, recall, F1, as the mean over records."""
    household_precision: Share
    """Of the pairs put together within one true household, those of one person."""
    false_pairs: dict[str, int]
    """Wrongly joined pairs by who they are."""
    recall: dict[str, dict[str, Share]]
    """Difficulty → its kinds → true pairs found."""
    ceiling: dict[str, Share]
    """Share of the true pairs that share a value, or at least the name; that are candidates; each also with
    the pairs that follow from others: what perfect judgement would find."""


def scorecard(
    records: pa.Table,
    truth: pa.Table,
    assignment: pa.Table,
    warehouse: Path | None = None,
    traits: pa.Table | None = None,
) -> Scorecard:
    """Measures an assignment (record_id, customer_id) of `records` against `truth`.

    With the `warehouse` of a run, its candidate pairs are measured too; with the `traits` of a world,
    recall is
    told by what makes records difficult.
    """
    prediction = assignment.select([0, 1]).rename_columns(["record_id", "customer_id"])
    pairs = pairwise_scores(truth.select(["record_id", "entity_id"]), prediction)
    with duckdb.connect() as connection:
        for name, table in (("records", records), ("truth", truth), ("prediction", prediction)):
            connection.register(name, table)
        connection.execute(_SQL.read_text(encoding="utf-8"))
        wrong = connection.execute("select who, pair_count from false_pair order by pair_count desc, who")
        false_pairs = {str(who): int(count) for who, count in wrong.fetchall()}
        recall = _recall(connection, traits)
        (joined, right) = connection.execute(
            """
            select coalesce(sum(n * (n - 1) // 2), 0)::bigint, coalesce(sum(same)::bigint, 0)
            from (
                select sum(n) as n, sum(n * (n - 1) // 2) as same
                from (
                    select customer_id, household_id, entity_id, count(*) as n from record
                    where household_id is not null group by all
                )
                group by customer_id, household_id
            )
            """
        ).fetchall()[0]
        return Scorecard(
            pairs, _b_cubed(connection), Share(int(right), int(joined)), false_pairs, recall,
            _ceiling(connection, warehouse),
        )  # fmt: skip


def _b_cubed(connection: duckdb.DuckDBPyConnection) -> tuple[float, float, float]:
    (precision, recall) = connection.execute(
        """
        with cell as (select entity_id, customer_id, count(*) as n from record group by all),
        entity as (select entity_id, count(*) as n from record group by all),
        customer as (select customer_id, count(*) as n from record group by all)
        select
            sum(cell.n * cell.n::double / customer.n) / sum(cell.n),
            sum(cell.n * cell.n::double / entity.n) / sum(cell.n)
        from cell
        inner join entity on cell.entity_id = entity.entity_id
        inner join customer on cell.customer_id = customer.customer_id
        """
    ).fetchall()[0]
    return round(precision, 6), round(recall, 6), round(2 * precision * recall / (precision + recall), 6)


def _recall(connection: duckdb.DuckDBPyConnection, traits: pa.Table | None) -> dict[str, dict[str, Share]]:
    recall: dict[str, dict[str, Share]] = {}
    for kind in _DIFFICULTIES:
        rows = connection.execute(
            f"select {kind}, count(*) filter (found), count(*) from true_pair group by 1 order by 1"
        ).fetchall()
        recall[kind] = {str(name): Share(int(found), int(count)) for name, found, count in rows}
    if traits is not None:
        connection.register("traits", traits)
        recall["traits"] = {}
        for name in traits.column_names[1:]:
            (found, count) = connection.execute(
                f"""
                select count(*) filter (found), count(*) from true_pair
                inner join traits as a on record_id_a = a.record_id
                inner join traits as b on record_id_b = b.record_id
                where a.{name} or b.{name}
                """
            ).fetchall()[0]
            if count:
                recall["traits"][name] = Share(int(found), int(count))
    return recall


def _ceiling(connection: duckdb.DuckDBPyConnection, warehouse: Path | None) -> dict[str, Share]:
    (count,) = connection.execute("select count(*) from true_pair").fetchall()[0]
    chosen = {name: f"select * from true_pair where {name}" for name in _EVIDENCE}
    if warehouse is not None:
        _register_compared(connection, warehouse)
        chosen["candidates"] = """
            select t.* from true_pair as t
            left join stands_for as a on t.record_id_a = a.record_id
            left join stands_for as b on t.record_id_b = b.record_id
            left join compared as c
                on c.a = least(coalesce(a.other, t.record_id_a), coalesce(b.other, t.record_id_b))
                and c.b = greatest(coalesce(a.other, t.record_id_a), coalesce(b.other, t.record_id_b))
            where c.a is not null or coalesce(a.other, t.record_id_a) = coalesce(b.other, t.record_id_b)
        """
    ceiling = {}
    for name, pairs in chosen.items():
        (part,) = connection.execute(f"select count(*) from ({pairs})").fetchall()[0]
        ceiling[name] = Share(int(part), int(count))
        ceiling[f"{name}, with what follows"] = _follows(connection, pairs, int(count))
    return ceiling


def _register_compared(connection: duckdb.DuckDBPyConnection, warehouse: Path) -> None:
    """Tables of the candidate pairs, and of which record stands for which others of the same content."""
    with duckdb.connect(str(warehouse), read_only=True) as found:
        for name, query in (
            (
                "compared",
                "select distinct least(record_id_a, record_id_b) as a, "
                "greatest(record_id_a, record_id_b) as b from identity.int_candidate_pairs",
            ),
            (
                "stands_for",
                "select record_id, representative_id as other "
                "from identity.int_record_keys where representative_id <> record_id",
            ),
        ):
            connection.register(name, found.execute(query).to_arrow_table())


def _follows(connection: duckdb.DuckDBPyConnection, pairs: str, count: int) -> Share:
    """True pairs in the connected components of some of them."""
    edges = connection.execute(f"select ordinal_a, ordinal_b from ({pairs})").fetchnumpy()
    (size,) = connection.execute("select count(*) from record").fetchall()[0]
    labels = components(
        size, np.asarray(edges["ordinal_a"], dtype=np.int64), np.asarray(edges["ordinal_b"], dtype=np.int64)
    )
    sizes = np.bincount(labels)
    return Share(int((sizes * (sizes - 1) // 2).sum()), count)
