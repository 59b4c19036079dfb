"""Arrow columns of typed tables: money, instants, ids."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ingestion.demo.text import Text
from ingestion.demo.world import Flags, Ints

MONEY = pa.decimal128(18, 4)


def money(cents: Ints) -> pa.Array:
    """Cents as decimal(18, 4)."""
    words = np.empty((len(cents), 2), dtype=np.int64)
    words[:, 0] = np.asarray(cents) * 100
    words[:, 1] = np.where(words[:, 0] < 0, -1, 0)
    return pa.Array.from_buffers(MONEY, len(cents), [None, pa.py_buffer(words)])


def instant(seconds: Ints, missing: Flags | None = None) -> pa.Array:
    """UTC seconds as timestamp(us) without a zone."""
    return pa.array(np.asarray(seconds) * 1_000_000, mask=missing).cast(pa.timestamp("us"))


def hexadecimal_ids(rng: np.random.Generator, size: int) -> Text:
    """Random ids of 32 hexadecimal digits, as Shopware gives them."""
    digits = rng.bytes(16 * size).hex().encode()
    return pa.array(np.frombuffer(digits, dtype="S32")).cast(pa.string())
