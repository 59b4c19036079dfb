"""The main evidence of a pattern in a few words, for those who see only the outcome."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ml.identity.weights.table import Weights

EVIDENCE = {
    "name": ("first_name", "last_name", "namesakes", "name_count"),
    "birth date": ("birth_date",),
    "address": ("address", "city", "home", "generations"),
    "e-mail": ("email", "mailbox", "email_owners", "mailbox_year"),
    "phone": ("phone", "phone_owners"),
    "card": ("card",),
    "company": ("company", "contact", "email_domain"),
    "VAT id": ("vat_id",),
}
"""What is named → its comparisons."""


def main_evidence(weights: Weights, patterns: pa.Table) -> pa.Array:
    """For each pattern the two kinds of evidence that weigh most in favour: "e-mail and name"."""
    names = np.array([*EVIDENCE, "nothing much"])
    sums = np.stack(
        [
            sum((weights.contribution(c, patterns) for c in parts), np.zeros(patterns.num_rows))
            for parts in EVIDENCE.values()
        ]
    )
    order = np.argsort(-sums, axis=0, kind="stable")[:2]
    rows = np.arange(patterns.num_rows)
    first = np.where(sums[order[0], rows] > 0, order[0], len(EVIDENCE))
    second = np.where(sums[order[1], rows] > 0, order[1], len(EVIDENCE))
    words = np.array(
        [[f"{a} and {b}" if b != names[-1] else a for b in names.tolist()] for a in names.tolist()]
    )
    return pa.array(words[first, second].tolist(), pa.string())
