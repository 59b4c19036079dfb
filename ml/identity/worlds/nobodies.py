"""Records of the till's and the branch's helpers that stand for nobody."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ml.identity.worlds.columns import Ints, Text, at, digits, glue, if_
from ml.identity.worlds.mistakes import SHOP_EMAIL
from ml.identity.worlds.schema import SCHEMA, TRUTH_SCHEMA
from ml.identity.worlds.settings import WorldSettings

_JUNK = [
    "Laufkunde|", "Barverkauf|", "Diverse|", "Test|Test", "Mustermann|Max", "Kasse|", "xxx|xxx",
    "Kunde|Unbekannt", "Test|Kunde", "Laufkundschaft|", "Storno|", "Barzahler|", "Tester|Peter",
    "Nachname|Vorname", "Schulung|",
]  # fmt: skip


def nobodies(
    settings: WorldSettings, rng: np.random.Generator, size: int
) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Records of the till's and the branch's helpers that stand for nobody."""
    system = settings.sources[0].system
    numbers = digits(900_000_000 + np.arange(size))
    first, last = _names(rng, size)
    at_time = pa.array(np.full(size, np.datetime64(settings.until) - np.timedelta64(900, "D"))).cast(
        pa.timestamp("us")
    )
    record_id = glue(system, ":", numbers)
    born = np.where(rng.random(size) < 0.5, np.datetime64("1900-01-01"), np.datetime64("NaT"))
    given = {
        "record_id": record_id,
        "source_system": pa.array([system] * size),
        "source_record_id": numbers,
        "kind": pa.array(["person"] * size),
        "first_name": first,
        "last_name": last,
        "email": if_(rng.random(size) < 0.5, SHOP_EMAIL, None),
        "phone": if_(rng.random(size) < 0.5, "0000000", None),
        "birth_date": pa.array(born).cast(pa.date32()),
        "first_source": pa.array([system] * size),
        "is_guest": pa.array([False] * size),
        "created_at": at_time,
        "updated_at": at_time,
    }
    records = pa.table({f.name: given.get(f.name, pa.nulls(size, f.type)) for f in SCHEMA}, schema=SCHEMA)
    truth = pa.table(
        {
            "record_id": record_id,
            "entity_id": glue("nobody:", numbers),
            "household_id": pa.nulls(size, pa.string()),
            "role": pa.nulls(size, pa.string()),
        },
        schema=TRUTH_SCHEMA,
    )
    return records, truth, pa.table({"record_id": record_id, "junk": pa.array([True] * size)})


def _names(rng: np.random.Generator, size: int) -> tuple[Text, Text]:
    """First and last names of records that are nobody."""
    chosen: Ints = rng.integers(0, len(_JUNK), size)
    parts = [entry.split("|") for entry in _JUNK]
    first, last = [p[1] or None for p in parts], [p[0] for p in parts]
    return at(pa.array(first, pa.string()), chosen), at(pa.array(last), chosen)
