"""Source records for tests of the identity models: what a row leaves out is null."""

from datetime import datetime

import pyarrow as pa

from ml.identity.worlds import SCHEMA


def records(*rows: dict) -> pa.Table:
    usual = {
        "kind": "person",
        "source_system": "shop",
        "first_source": "shop",
        "is_guest": False,
        "created_at": datetime.fromisoformat("2024-01-01"),
        "updated_at": datetime.fromisoformat("2024-01-01"),
    }
    whole = [usual | {"source_record_id": row["record_id"]} | row for row in rows]
    return pa.Table.from_pylist(whole, schema=SCHEMA)
