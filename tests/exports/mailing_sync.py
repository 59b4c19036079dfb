"""The sync of the tests and how its CSV file reads."""

import csv
import io

from exports.sync import Sync


def sync(**changes) -> Sync:
    return Sync.model_validate(
        {
            "name": "mailing",
            "exposure": "mailing",
            "model": "customer",
            "key": "customer_id",
            "mapping": {"customer_id": "id", "last_name": "name", "email": "email", "phone": "phone"},
            "consent": {"channel": "email", "purpose": "marketing"},
            "destination": {"kind": "file", "formats": ["csv", "parquet"]},
            **changes,
        }
    )


def rows_of(result, encoding="utf-8", delimiter=",") -> list[dict]:
    text = (result.path / "mailing.csv").read_bytes().decode(encoding)
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))
