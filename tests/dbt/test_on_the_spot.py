"""Pairs compared on the spot give what dbt gives, because they run through dbt's own compiled models."""

import itertools

import duckdb
import pytest
from dbt_project import Warehouse, at

from ml.identity.compiled import compare
from ml.identity.explain import explain
from ml.identity.explain_text import as_text
from ml.identity.lookup import find_records
from stammkunde.errors import UserError

PEOPLE = [
    ("Maria", "Müller", "1980-05-01", "maria@example.com", "Lange Straße 5"),
    ("Maria", "Mueller", "1980-05-10", "maria@example.com", "Lange Str. 5"),
    ("Peter", "Müller", "1979-01-01", "maria@example.com", "Lange Straße 5"),
    ("Anna", "Schulz", "2001-02-03", None, "Am Hof 1"),
    ("Lena", "Schulz", "2001-02-03", None, "Am Hof 1"),
    ("Jan", "Krause", None, "jan@example.org", None),
]
EARLY = ("--select", "+int_pair_comparisons")
CANDIDATES = "select record_id_a, record_id_b from identity.int_candidate_pairs"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    warehouse = Warehouse(tmp_path_factory.mktemp("spot"))
    warehouse.load(
        "shop__loyalty",
        *(
            {"member_no": f"M{i}", "first_name": first, "last_name": last, "birth_date": born, "email": email,
             "street": street, "postal_code": street and "80331", "issued_at": at("2020-01-01")}
            for i, (first, last, born, email, street) in enumerate(PEOPLE)
        ),
    )  # fmt: skip
    warehouse.dbt("build", "--exclude-resource-type", "test", "unit_test", *EARLY)
    warehouse.resolve()
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        yield connection, warehouse.directory / "target"


@pytest.mark.parametrize("model", ["int_pair_comparisons"])
def test_candidates_compare_as_dbt_compared_them(world, model):
    connection, target = world
    pairs = connection.execute(CANDIDATES).fetchall()
    assert pairs, "no candidates to compare"
    (table,) = compare(connection, target, pairs, [model])
    on_the_spot = connection.execute(f"from {table} order by all").fetchall()
    assert on_the_spot == connection.execute(f"from identity.{model} order by all").fetchall()


def test_every_two_records_can_be_explained(world):
    connection, target = world
    candidates = set(connection.execute(CANDIDATES).fetchall())
    strangers = 0
    for pair in itertools.combinations([f"shop:M{i}" for i in range(len(PEOPLE))], 2):
        found = explain(connection, *find_records(connection, *pair), target)
        strangers += not found.direct.was_candidate
        assert found.direct.was_candidate == (pair in candidates)
        assert as_text(found).startswith(f"{pair[0]} and {pair[1]} are ")
    assert strangers > 3


def test_without_compiled_models_it_says_how_to_make_them(world, tmp_path):
    connection, _ = world
    with pytest.raises(UserError, match="'stammkunde run --full' makes it"):
        compare(connection, tmp_path, [("a", "b")])
