"""A changed matching is looked at before it is done."""

import duckdb
import pytest
from steward_world import World

from ml.identity.preview import preview
from ml.identity.preview_text import as_html, as_text


@pytest.fixture
def warehouse(tmp_path):
    """Four customers with revenue: a+b, c, d, e."""
    world = World().write(list("abcde"), [("a", "b")])
    world.resolve()
    path = tmp_path / "warehouse.duckdb"
    world.connection.execute(f"attach '{path}' as file")
    world.connection.execute("create schema file.identity")
    world.connection.execute("create schema file.marts")
    tables = world.query("select table_name from duckdb_tables() where schema_name = 'identity'")
    for (table,) in set(tables):
        world.connection.execute(f"create table file.identity.{table} as from memory.identity.{table}")
    world.connection.execute(
        """
        create table file.marts.customer_metrics as
        select
            customer_id,
            case min(record_id) when 'a' then 100.5 when 'c' then 900 else 7 end::decimal(18,4)
                as revenue_amount
        from memory.identity.identity_assignment group by customer_id
        """
    )
    world.connection.execute("detach file")
    path.chmod(0o444)
    return world, path


def matching(edges):
    """What matching leaves in the copy."""

    def rematch(copy):
        with duckdb.connect(str(copy)) as connection:
            connection.execute(
                """
                create table identity.pair_score (
                    record_id_a varchar, record_id_b varchar, main_evidence varchar,
                    match_probability double, veto varchar
                );
                create table identity.int_record_keys as
                    select record_id, record_id as representative_id from identity.int_source_records;
                create table identity.int_records_normalised as
                    select record_id from identity.int_source_records
                """
            )
            for pair in edges:
                connection.execute(
                    "insert into identity.pair_score values (?, ?, 'name_and_address', 0.96, null)", pair
                )

    return rematch


def look(warehouse, tmp_path, edges):
    world, path = warehouse
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    before = path.read_bytes()
    found = preview(path, workspace, world.query("select date '2024-02-01'")[0][0], matching(edges))
    assert path.read_bytes() == before
    return world, found


def test_the_same_matching_changes_nothing(warehouse, tmp_path):
    _, found = look(warehouse, tmp_path, [("a", "b")])
    assert (found.merged, found.split, found.ended, found.shown) == (0, 0, 0, [])
    assert "No customer id of 4 would change" in as_text(found)


def test_merges_and_splits_are_counted_and_weighed(warehouse, tmp_path):
    world, found = look(warehouse, tmp_path, [("c", "d")])
    ids = world.ids()
    assert (found.merged, found.split, found.ended, found.customers_before) == (1, 1, 0, 4)
    assert {c.change: c.customer_id for c in found.shown}["split"] == ids["a"]
    merged = next(c for c in found.shown if c.change == "merged")
    assert merged.into == [ids["c"] if merged.customer_id == ids["d"] else ids["d"]]
    assert found.merged_revenue == merged.revenue_amount
    assert found.split_revenue == 100.5
    assert found.total_revenue == 1014.5
    assert found.shown[0].revenue_amount >= found.shown[1].revenue_amount
    text, page = as_text(found), as_html(found)
    assert "2 of 4 customer ids would change (50.0 %): 1 merge into others, 1 split, 0 end." in text
    assert "Nothing was changed." in text
    for change in found.shown:
        assert change.customer_id in text
        assert change.customer_id in page
    assert "http" not in page


def test_decisions_hold_in_the_preview(warehouse, tmp_path):
    world, path = warehouse
    world.decide("unlink", "a", "b")
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    day = world.query("select date '2024-02-01'")[0][0]
    assert preview(path, workspace, day, matching([("a", "b")]), world.decisions).split == 1
