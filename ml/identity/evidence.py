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
            main_evidence as rule, veto,
            match_probability >= {matching.threshold!r} and veto is null as matches
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


_RIVALS = """
    create or replace temp table rival as
    with vetoed as (
        select record_id_a as record_id, record_id_b as other_id from evidence_veto
        union all
        select record_id_b, record_id_a from evidence_veto
    ),
    claims as (
        select
            record_id_a as record_id, record_id_b as other_id,
            match_probability / (1 - match_probability) as odds
        from evidence_pair
        where veto is null and match_probability >= ? and match_probability < 0.9999
        union all
        select record_id_b, record_id_a, match_probability / (1 - match_probability)
        from evidence_pair
        where veto is null and match_probability >= ? and match_probability < 0.9999
    )
    select
        least(claim.record_id, claim.other_id) as record_id_a,
        greatest(claim.record_id, claim.other_id) as record_id_b,
        max(other.odds) as rival_odds
    from claims as claim
    inner join vetoed on claim.other_id = vetoed.record_id
    inner join claims as other on claim.record_id = other.record_id and vetoed.other_id = other.other_id
    where greatest(claim.odds, other.odds) <= 4 * least(claim.odds, other.odds)
    group by 1, 2
"""
"""A record cannot be two people: father and son under one name, and nobody knows which of them it means."""


def collect(connection: duckdb.DuckDBPyConnection, matching: Matching, partly: bool) -> None:
    """Makes the temporary tables `evidence_pair` and `evidence_veto` of all pairs.

    Where a record matches two that a veto keeps apart about equally (within 2 bits), each probability
    allows for the other: odds / (1 + odds + the other's odds). `partly`: only pairs of records of the
    view `scoped_record`.
    """
    within = """
        semi join scoped_record as one on pair.record_id_a = one.record_id
        semi join scoped_record as other on pair.record_id_b = other.record_id
    """
    for table, query in (("evidence_pair", pair_query(matching)), ("evidence_veto", VETO_QUERY)):
        connection.execute(
            f"create or replace temp table {table} as"
            f" select pair.* from ({query}) as pair {within if partly else ''}"
        )
    connection.execute(_RIVALS, [matching.threshold, matching.threshold])
    connection.execute(
        f"""
        update evidence_pair
        set
            match_probability = odds / (1 + odds + rival_odds),
            matches = odds / (1 + odds + rival_odds) >= {matching.threshold!r}
        from (
            select
                rival.*, pair.match_probability / (1 - pair.match_probability) as odds
            from rival
            inner join evidence_pair as pair
                on rival.record_id_a = pair.record_id_a and rival.record_id_b = pair.record_id_b
        ) as doubtful
        where
            evidence_pair.record_id_a = doubtful.record_id_a
            and evidence_pair.record_id_b = doubtful.record_id_b
            and evidence_pair.match_probability < 1
        """
    )
