"""What no other evidence outweighs, and what is no contradiction."""

import pyarrow as pa
import pytest

from ml.identity.weights.vetoes import find_vetoes

NEUTRAL = {
    "kind": "person", "first_name": "equal", "last_name": "equal", "birth_date": "unknown",
    "vat_id": "unknown", "email": "unknown", "phone": "unknown", "card": "unknown",
    "source_system": "different",
}  # fmt: skip


@pytest.mark.parametrize(
    ("levels", "veto"),
    [
        ({}, None),
        ({"kind": "mixed", "first_name": "unknown"}, "person_and_company"),
        ({"kind": "mixed"}, None),  # the company's record names the very person
        ({"kind": "company", "vat_id": "other"}, "other_vat_id"),
        ({"first_name": "other", "birth_date": "other"}, "other_birth_date"),
        ({"first_name": "other", "last_name": "swapped", "birth_date": "other"}, None),
        ({"birth_date": "other"}, None),  # a slip of the pen is possible
        ({"birth_date": "generation"}, "two_generations"),
        ({"first_name": "other", "birth_date": "equal"}, "twins"),
        ({"first_name": "other", "birth_date": "equal", "email": "equal"}, None),
        ({"source_system": "distinct"}, "distinct_numbers"),
    ],
)
def test_vetoes(levels, veto):
    table = pa.table({name: [value] for name, value in {**NEUTRAL, **levels}.items()})
    assert find_vetoes(table).to_pylist() == [veto]


def test_only_the_vetoes_that_are_switched_on():
    table = pa.table({name: [value] for name, value in {**NEUTRAL, "birth_date": "generation"}.items()})
    assert find_vetoes(table, ["twins"]).to_pylist() == [None]
