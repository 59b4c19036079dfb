"""Agreement patterns: the distinct rows of levels among the candidate pairs, and how often each occurs.

A million pairs share some ten thousand patterns, so weights, probabilities and vetoes are found per pattern.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

RECORDS = ("record_id_a", "record_id_b")


def comparison_columns(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The comparisons that `identity.int_pair_comparisons` makes, in its order."""
    rows = connection.execute(
        "select column_name from information_schema.columns"
        " where table_catalog = current_database()"
        " and table_schema = 'identity' and table_name = 'int_pair_comparisons' order by ordinal_position"
    ).fetchall()
    return [name for (name,) in rows if name not in RECORDS]


def number_patterns(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Makes the temporary table `agreement_pattern` and returns it: pattern_id (text), the levels, pair_count.

    The id of a pattern is made of its levels, so it is the same in every run.
    """
    names = comparison_columns(connection)
    levels = ", ".join(names)
    connection.execute(
        f"""
        create or replace temp table agreement_pattern as
        select
            substr(md5(concat_ws('|', {levels})), 1, 16) as pattern_id, {levels}, count(*) as pair_count
        from identity.int_pair_comparisons
        group by {levels}
        """
    )
    return connection.execute("select * from agreement_pattern order by pattern_id").to_arrow_table()
