"""Which pairs speak for one customer and which against, as scoring left them.

Belongs here: reading what matching found. Does not belong here: finding it (dbt, `weights/`), overruling it
(`stewarding.py`).
"""

from __future__ import annotations

from typing import NamedTuple

import duckdb

from stammkunde.errors import UserError


class Matching(NamedTuple):
    """What scored the pairs: the version of the weights and the probability from which a pair matches."""

    version: str
    threshold: float


def has_rows(connection: duckdb.DuckDBPyConnection, table: str, schema: str = "identity") -> bool:
    """Whether the table or view exists in the current database and holds anything."""
    known = connection.execute(
        "select count(*) from information_schema.tables"
        " where table_catalog = current_database() and table_schema = ? and table_name = ?",
        [schema, table],
    ).fetchall()[0][0]
    return bool(known) and bool(
        connection.execute(f"select count(*) from (select 1 from {schema}.{table} limit 1)").fetchall()[0][0]
    )


def matching_in_use(connection: duckdb.DuckDBPyConnection) -> Matching:
    """Version and threshold of `identity.matching_run`. Raises UserError before any pair was scored."""
    if not has_rows(connection, "matching_run"):
        raise UserError("no pair of records has been scored yet; 'stammkunde run' does it")
    rows = connection.execute("select version, threshold from identity.matching_run").fetchall()
    return Matching(str(rows[0][0]), float(rows[0][1]))


def pair_query(matching: Matching) -> str:
    """SQL of every pair with evidence: record_id_a, record_id_b, match_probability, rule, veto, matches.

    A probability of 1 says that both records hold the same.
    """
    return f"""
        select
            record_id_a, record_id_b, least(match_probability, 1 - 1e-12) as match_probability,
            main_evidence as rule, veto, match_probability >= {matching.threshold!r} and veto is null as matches
        from identity.pair_score
        union all
        select representative_id, record_id, 1.0, 'same content', null, true
        from identity.int_record_keys
        where representative_id <> record_id
    """


VETO_QUERY = """
    select record_id_a, record_id_b, veto as reason from identity.pair_score where veto is not null
"""
"""SQL of every pair that may not meet: record_id_a, record_id_b, reason."""


def collect(connection: duckdb.DuckDBPyConnection, matching: Matching, partly: bool) -> None:
    """Makes the temporary tables `evidence_pair` and `evidence_veto` of all pairs.

    `partly`: only of those between two records of the temporary view `scoped_record`.
    """
    within = """
        semi join scoped_record as one on pair.record_id_a = one.record_id
        semi join scoped_record as other on pair.record_id_b = other.record_id
    """
    for table, query in (("evidence_pair", pair_query(matching)), ("evidence_veto", VETO_QUERY)):
        connection.execute(
            f"create or replace temp table {table} as select pair.* from ({query}) as pair {within if partly else ''}"
        )
