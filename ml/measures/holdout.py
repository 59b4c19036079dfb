"""Who is left out of a campaign: decided by a hash of campaign and customer, before anything is sent.

Nobody can choose, repeating the draw gives the same groups, and those of two campaigns are independent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from ml.data import BoolArray


def is_held_out(campaign_id: str, customer_ids: Iterable[str], holdout_pct: float) -> BoolArray:
    """Whether each customer belongs to the hold-out: the first 53 bits of SHA-256 as a number below 1."""
    prefix = f"{campaign_id}\0".encode()
    draws = [
        int.from_bytes(hashlib.sha256(prefix + customer.encode()).digest()[:8], "big") >> 11
        for customer in customer_ids
    ]
    return np.asarray(np.array(draws, dtype=np.float64) / 2**53 < holdout_pct / 100.0, dtype=bool)
