"""Patterns that forbid one customer, whatever else agrees: some people are not one, however near they live.

Belongs here: rules on the levels of a pattern. What a veto does to clusters: `ml/identity/clusters.py`.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stammkunde.matching import ALL_VETOES, Veto


def find_vetoes(patterns: pa.Table, enabled: Collection[str] = ALL_VETOES) -> pa.Array:
    """For each pattern the reason why its records may not be one customer, or null; the first that applies.

    - `person_and_company`, unless the company's record names the very person;
    - `other_vat_id`: two companies;
    - `other_birth_date`: with another given name, two people of one household;
    - `two_generations`: birth dates 14 years or more apart, father and son of one name;
    - `twins`: the same birth date and family name, another given name, no means of contact in common;
    - `distinct_numbers`: two numbers of a system that keeps its numbers free of duplicates.
    """

    def among(name: str, *levels: str) -> npt.NDArray[np.bool_]:
        return np.asarray(pc.is_in(patterns[name].combine_chunks(), pa.array(levels)))

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
        "distinct_numbers": among("source_system", "distinct"),
    }
    code = np.full(patterns.num_rows, -1)
    for number, reason in reversed(list(enumerate(ALL_VETOES))):
        if reason in enabled:
            code[rules[reason]] = number
    return pa.array(ALL_VETOES).take(pa.array(code, mask=code < 0))
