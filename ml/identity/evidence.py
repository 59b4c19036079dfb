"""Which pairs speak for one customer and which against: scores, or rules where nothing is scored yet.

Belongs here: reading what matching found. Does not belong here: finding it (dbt, `weights/`), overruling it
(`stewarding.py`).
"""

from __future__ import annotations

from typing import NamedTuple

import duckdb

NO_THRESHOLD = 0.5


class Matching(NamedTuple):
    """What scored the pairs: the version of the weights and the probability from which a pair matches."""

    version: str
    threshold: float


RULES = Matching("rules", NO_THRESHOLD)
"""Before any weights: every pair of `identity.int_identity_edges` matches."""


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
    """Version and threshold of `identity.matching_run`, else the rules."""
    if not has_rows(connection, "matching_run"):
        return RULES
    rows = connection.execute(
        "select version, threshold from identity.matching_run order by as_of_date desc, version desc limit 1"
    ).fetchall()
    return Matching(str(rows[0][0]), float(rows[0][1]))


def pair_query(matching: Matching) -> str:
    """SQL of every pair with evidence: record_id_a, record_id_b, match_probability, rule, veto, matches.

    A probability of 1 says that both records hold the same.
    """
    if matching is RULES:
        return """
            select record_id_a, record_id_b, match_probability, rule, null::varchar as veto, true as matches
            from identity.int_identity_edges
        """
    return f"""
        select
            record_id_a, record_id_b, least(match_probability, 1 - 1e-12) as match_probability,
            'weights' as rule, veto, match_probability >= {matching.threshold!r} and veto is null as matches
        from identity.pair_score
        union all
        select representative_id, record_id, 1.0, 'same_content', null, true
        from identity.int_record_keys
        where representative_id <> record_id
    """


def veto_query(matching: Matching) -> str:
    """SQL of every pair that may not meet: record_id_a, record_id_b, reason."""
    if matching is RULES:
        return "select record_id_a, record_id_b, reason from identity.identity_vetoes"
    return "select record_id_a, record_id_b, veto as reason from identity.pair_score where veto is not null"


def collect(connection: duckdb.DuckDBPyConnection) -> Matching:
    """Makes the temporary tables `evidence_pair` and `evidence_veto` of all pairs."""
    matching = matching_in_use(connection)
    connection.execute(f"create or replace temp table evidence_pair as {pair_query(matching)}")
    connection.execute(f"create or replace temp table evidence_veto as {veto_query(matching)}")
    return matching
