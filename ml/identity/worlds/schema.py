"""The shape of a world's tables."""

from __future__ import annotations

import pyarrow as pa

_TEXTS = (
    "record_id", "source_system", "source_record_id", "kind", "salutation", "title", "first_name",
    "last_name", "company_name", "vat_id", "birth_date", "email", "phone", "mobile", "street", "house_no",
    "postal_code", "city", "country", "card_no", "branch_id", "sales_rep_id", "first_source", "is_guest",
    "created_at", "updated_at",
)  # fmt: skip
_OTHER_TYPES = {
    "birth_date": pa.date32(),
    "is_guest": pa.bool_(),
    "created_at": pa.timestamp("us"),
    "updated_at": pa.timestamp("us"),
}
SCHEMA = pa.schema([(name, _OTHER_TYPES.get(name, pa.string())) for name in _TEXTS])
"""Columns of `identity.int_source_records`."""

TRUTH_SCHEMA = pa.schema(
    [
        ("record_id", pa.string()),
        ("entity_id", pa.string()),
        ("household_id", pa.string()),
        ("role", pa.string()),
    ]
)
"""One row per record: the person or company that it is, and its place in the household (null for companies).

A record that is nobody has an entity of its own and no household.
"""
