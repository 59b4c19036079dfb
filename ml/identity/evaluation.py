"""How good a resolution is against known truth, counted in pairs of records."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa


@dataclass(frozen=True)
class PairwiseScores:
    """Counts of record pairs and the shares made of them, 0–1; an empty denominator counts as 1."""

    true_pairs: int
    predicted_pairs: int
    correct_pairs: int

    @property
    def precision(self) -> float:
        return self.correct_pairs / self.predicted_pairs if self.predicted_pairs else 1.0

    @property
    def recall(self) -> float:
        return self.correct_pairs / self.true_pairs if self.true_pairs else 1.0

    @property
    def f1(self) -> float:
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def pairwise_scores(truth: pa.Table, prediction: pa.Table) -> PairwiseScores:
    """Compares two groupings of records, tables of (record_id text, group text).

    Only records of both tables count; a pair is two records of one group. The pairs are counted, never
    listed: n records in a group are n(n-1)/2 pairs.

    Raises ValueError when a record stands in a table twice.
    """
    with duckdb.connect() as connection:
        for name, table in (("truth", truth), ("prediction", prediction)):
            connection.register(f"{name}_rows", table.rename_columns(["record_id", "grouping_id"]))
            connection.execute(f"create table {name} as select * from {name}_rows")
            (doubled,) = connection.execute(
                f"select count(*) - count(distinct record_id) from {name}"
            ).fetchall()[0]
            if doubled:
                raise ValueError(f"the {name} names {doubled} records more than once")
        connection.execute(
            """
            create table both_sides as
            select truth.grouping_id as true_id, prediction.grouping_id as predicted_id
            from truth inner join prediction on truth.record_id = prediction.record_id
            """
        )

        def pairs(columns: str) -> int:
            rows = connection.execute(
                f"""
                select coalesce(sum(n * (n - 1) // 2), 0)::bigint
                from (select count(*) as n from both_sides group by {columns})
                """
            ).fetchall()
            return int(rows[0][0])

        return PairwiseScores(pairs("true_id"), pairs("predicted_id"), pairs("true_id, predicted_id"))


def score_warehouse(connection: duckdb.DuckDBPyConnection, truth: Path) -> PairwiseScores:
    """Scores `identity.identity_assignment` against the demo retailer's `truth/records.parquet`.

    The file has `source_system`, `source_record_id` and `person_id`; a record without person is nobody and
    belongs with no other record.
    """
    known = connection.execute(
        """
        select
            concat_ws(':', source_system, source_record_id),
            coalesce(person_id, concat_ws(':', 'nobody', source_system, source_record_id))
        from read_parquet(?)
        """,
        [str(truth)],
    ).to_arrow_table()
    found = connection.execute(
        "select record_id, customer_id from identity.identity_assignment"
    ).to_arrow_table()
    return pairwise_scores(known, found)
