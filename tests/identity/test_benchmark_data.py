"""The benchmark's data sets have our columns and a truth for every record; its peers group as they should."""

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml.identity.worlds import SCHEMA, TRUTH_SCHEMA
from stammkunde.home import PROJECT_ROOT

sys.path.insert(0, str(PROJECT_ROOT / "benchmarks"))
import identity_data
import identity_peers


@pytest.mark.parametrize("name", ["german:500", "thin:500", "demo:500"])
def test_worlds_by_name(name):
    world = identity_data.load(name)
    assert world.records.schema.equals(SCHEMA)
    assert world.truth.schema.equals(TRUTH_SCHEMA)
    assert world.records.num_rows == world.truth.num_rows == pytest.approx(500, abs=60)


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"unknown data set febrl9: one of german, .*, fake_1000"):
        identity_data.load("febrl9")


def test_splinks_example():
    world = identity_data.load("fake_1000")
    if world is None:
        pytest.skip("needs ../shared/data/er_fake_1000")
    assert world.records.schema.equals(SCHEMA)
    assert world.records.num_rows == 1000
    assert len(world.truth["entity_id"].unique()) == 251
    assert world.records["birth_date"].null_count < 100


def test_guarded_sql_joins_equal_identifiers_and_first_names_that_agree(tmp_path: Path):
    def key(record_id: str, **values: str | None) -> dict:
        empty = dict.fromkeys(
            ("first_key", "last_key", "birth_key", "company_key", "email_key", "phone_key", "mobile_key",
             "card_key", "vat_key", "address_key", "postal_key")
        )  # fmt: skip
        return {"record_id": record_id, "kind": "person", **empty, **values}

    rows = [
        key("a", first_key="hans", last_key="muller", email_key="h@web.de"),
        key("b", first_key="hanns", last_key="muller", email_key="h@web.de"),
        key("c", first_key="eva", last_key="muller", email_key="h@web.de"),
        key("d", first_key="hans", last_key="muller", postal_key="80331"),
        key("e", first_key="h", last_key="muller", email_key="h@web.de", birth_key="1980-01-01"),
    ]
    fields = [(name, pa.string()) for name in rows[0]]
    pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema(fields)), tmp_path / "keys.parquet")
    ids = pa.table({"record_id": list("abcde")})
    groups = identity_peers.guarded_sql(ids, tmp_path / "keys.parquet").to_pylist()
    found = {row["record_id"]: row["customer_id"] for row in groups}
    assert found["a"] == found["b"] == found["e"]
    assert len({found["a"], found["c"], found["d"]}) == 3


def test_thresholds_and_the_veto_choose_pairs(tmp_path: Path):
    pairs = pa.table(
        {"record_id_l": ["a", "c"], "record_id_r": ["b", "d"], "match_probability": [0.97, 0.6],
         "first_l": ["hans", "hans"], "first_r": ["eva", None]}
    )  # fmt: skip
    pq.write_table(pairs, tmp_path / "pairs.parquet")
    groups = identity_peers.splink_groups(pa.table({"record_id": list("abcd")}), tmp_path / "pairs.parquet")
    sizes = {name: len(table["customer_id"].unique()) for name, table in groups.items()}
    assert sizes["splink 0.5"] == 2
    assert sizes["splink 0.95"] == 3
    assert sizes["splink 0.5 + name veto"] == 3
    assert sizes["splink 0.99"] == 4
