"""Patterns that forbid one customer, whatever else agrees: certain people are not one, however near they live.

Belongs here: rules on the levels of a pattern. What a veto does to clusters: `ml/identity/clusters.py`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Veto = Literal[
    "person_and_company",
    "other_vat_id",
    "other_birth_date",
    "two_generations",
    "twins",
]
VETOES: tuple[Veto, ...] = get_args(Veto)

_SAME_NAME = ("equal", "part", "variant", "short", "similar", "initial", "unknown")


def find_vetoes(patterns: pa.Table, enabled: Collection[str] = VETOES) -> npt.NDArray[np.object_]:
    """For each pattern the reason why its records may not be one customer, or None; the first that applies.

    - `person_and_company`, unless the company's record names the very person;
    - `other_vat_id`: two companies;
    - `other_birth_date`: with another given name, two people of one household;
    - `two_generations`: birth dates 14 years or more apart, father and son of one name;
    - `twins`: the same birth date and family name, another given name, no means of contact in common.
    """

    def level(name: str) -> npt.NDArray[np.object_]:
        return np.array(patterns[name].to_pylist(), dtype=object)

    def among(name: str, *levels: Any) -> npt.NDArray[np.bool_]:
        return np.isin(level(name).astype(str), levels)

    other_given_name = among("first_name", "other") & ~among("last_name", "swapped")
    same_person = among("first_name", "equal", "part", "variant") & among("last_name", "equal")
    rules: dict[Veto, npt.NDArray[np.bool_]] = {
        "person_and_company": among("kind", "mixed") & ~same_person,
        "other_vat_id": among("kind", "company") & among("vat_id", "other"),
        "other_birth_date": other_given_name & among("birth_date", "other", "generation"),
        "two_generations": among("birth_date", "generation") & ~among("kind", "company"),
        "twins": other_given_name
        & among("birth_date", "equal")
        & among("last_name", "equal")
        & ~among("email", "equal", "mailbox")
        & ~among("phone", "mobile")
        & ~among("card", "equal"),
    }
    result = np.full(patterns.num_rows, None, dtype=object)
    for reason in reversed(VETOES):
        if reason in enabled:
            result[rules[reason]] = reason
    return result
