"""What others make of the same keys: guarded SQL, and Splink with and without a veto on names."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from ml.identity.clusters import components

GUARDED = """
create temp table pair as
with key as (
    select record_id, kind, first_key, last_key, birth_key, company_key, unnest([
        'e' || email_key, 'p' || phone_key, 'p' || mobile_key, 'c' || card_key, 'v' || vat_key,
        'b' || last_key || '|' || birth_key, 'l' || last_key || '|' || address_key,
        'f' || first_key || '|' || last_key || '|' || postal_key, 'o' || company_key || '|' || postal_key
    ]) as block
    from read_parquet('{keys}')
),
usual as (
    select * from key where block is not null qualify count(*) over (partition by block) between 2 and 40
)
select distinct a.record_id as record_id_l, b.record_id as record_id_r
from usual as a inner join usual as b on a.block = b.block and a.record_id < b.record_id
where a.kind = b.kind
    and coalesce(a.birth_key = b.birth_key, true)
    and (
        a.kind = 'company' or a.first_key[1] = b.first_key[1]
        and (
            jaro_winkler_similarity(a.first_key, b.first_key) >= 0.85
            or least(length(a.first_key), length(b.first_key)) = 1
        )
    )
"""
"""Equal identifiers, and first names and birth dates that agree: what a good analyst writes in a day."""

VETO = """
first_l is null or first_r is null or jaro_winkler_similarity(first_l, first_r) >= 0.85
or (least(length(first_l), length(first_r)) = 1 and first_l[1] = first_r[1])
"""
"""Splink alone has no say against a pair; this is the least one would add."""

THRESHOLDS = (0.5, 0.9, 0.95, 0.99, 0.999)


def grouped(records: pa.Table, pairs: pa.Table) -> pa.Table:
    """Connected components of pairs of records: record_id, customer_id."""
    with duckdb.connect() as connection:
        connection.register("records", records.select(["record_id"]))
        connection.register("pairs", pairs)
        connection.execute(
            "create table numbered as "
            "select record_id, row_number() over (order by record_id) - 1 as i from records"
        )
        edges = connection.execute(
            "select a.i as a, b.i as b from pairs inner join numbered as a on record_id_l = a.record_id "
            "inner join numbered as b on record_id_r = b.record_id"
        ).fetchnumpy()
        ids = connection.execute("select record_id from numbered order by i").to_arrow_table()["record_id"]
    labels = components(
        len(ids), np.asarray(edges["a"], dtype=np.int64), np.asarray(edges["b"], dtype=np.int64)
    )
    return pa.table({"record_id": ids, "customer_id": pa.array(labels).cast(pa.string())})


def guarded_sql(records: pa.Table, keys: Path) -> pa.Table:
    """The groups that guarded SQL finds."""
    with duckdb.connect() as connection:
        connection.execute("set threads = 2")
        connection.execute(GUARDED.format(keys=keys))
        pairs = connection.execute("select * from pair").to_arrow_table()
    return grouped(records, pairs)


def splink_groups(records: pa.Table, pairs: Path) -> dict[str, pa.Table]:
    """The groups from Splink's scored pairs: per threshold, without and with the veto."""
    found = {}
    with duckdb.connect() as connection:
        for threshold in THRESHOLDS:
            for name, condition in (("", "true"), (" + name veto", VETO)):
                chosen = connection.execute(
                    f"select record_id_l, record_id_r from read_parquet('{pairs}') "
                    f"where match_probability >= {threshold} and ({condition})"
                ).to_arrow_table()
                found[f"splink {threshold:g}{name}"] = grouped(records, chosen)
    return found
