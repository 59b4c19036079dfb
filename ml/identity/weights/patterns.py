"""Agreement patterns: the distinct rows of levels among the candidate pairs, and how often each occurs.

A million pairs share some ten thousand patterns, so weights, probabilities and vetoes are found per pattern.
"""

from __future__ import annotations

import duckdb
import numpy as np
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


def pattern_id(names: list[str]) -> str:
    """SQL of a pattern's id, a hash of its levels: the same pattern has the same id in every run."""
    return f"hash({', '.join(names)})"


def number_patterns(
    connection: duckdb.DuckDBPyConnection, compared: str = "identity.int_pair_comparisons"
) -> pa.Table:
    """The patterns of the relation in the order of their ids: pattern_id (64 bits), the levels, pair_count.

    Raises RuntimeError should two patterns ever have one id.
    """
    names = comparison_columns(connection)
    levels = ", ".join(names)
    patterns = connection.execute(
        f"""
        select {pattern_id(names)} as pattern_id, {levels}, count(*) as pair_count
        from {compared}
        group by {levels}
        order by pattern_id
        """
    ).to_arrow_table()
    ids = patterns["pattern_id"].to_numpy()
    if len(ids) and np.any(ids[1:] == ids[:-1]):
        raise RuntimeError("two agreement patterns have the same hash")
    return patterns
