"""Ids stay: merges, splits, records that go, and random histories."""

import hashlib
from datetime import date, timedelta

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from identity_world import assignment, events, identity_world

from ml.identity.resolve import resolve_identity

DAY = date(2026, 1, 1)


def born_of(record):
    return "c_" + hashlib.sha256(record.encode()).hexdigest()[:16]


def links(*pairs):
    return [(a, b, "email_and_name", 0.99) for a, b in pairs]


def run(connection, records, pairs=(), day=DAY):
    identity_world(records, links(*pairs), connection=connection)
    return resolve_identity(connection, day)


def test_the_oldest_record_founds_the_id():
    connection = duckdb.connect()
    result = run(connection, ["shop:2", "shop:1", "web:9"], [("shop:1", "shop:2")])
    assert assignment(connection) == {
        "shop:2": born_of("shop:2"),
        "shop:1": born_of("shop:2"),
        "web:9": born_of("web:9"),
    }
    assert (result.records, result.customers, result.created) == (3, 2, 2)


def test_an_unchanged_run_changes_nothing():
    connection = duckdb.connect()
    run(connection, ["a", "b"], [("a", "b")])
    before = connection.execute("select * from identity.identity_assignment order by all").fetchall()
    result = run(connection, ["a", "b"], [("a", "b")], DAY + timedelta(days=1))
    assert connection.execute("select * from identity.identity_assignment order by all").fetchall() == before
    assert (result.created, result.merged, result.split, result.erased) == (0, 0, 0, 0)
    assert len(events(connection)) == 1


def test_a_merge_keeps_the_older_id():
    connection = duckdb.connect()
    run(connection, ["b"])
    run(connection, ["a", "b"], day=DAY + timedelta(days=1))  # a is older as a record, younger as an id
    run(connection, ["a", "b"], [("a", "b")], DAY + timedelta(days=2))
    assert set(assignment(connection).values()) == {born_of("b")}
    assert events(connection)[-1] == ("merged", born_of("b"), born_of("a"))


def test_a_split_keeps_the_id_with_the_larger_part():
    connection = duckdb.connect()
    run(connection, ["a", "b", "c"], [("a", "b"), ("b", "c")])
    run(connection, ["a", "b", "c"], [("b", "c")])
    found = assignment(connection)
    assert found["b"] == found["c"] == born_of("a")
    # The founder has left its id behind, so it cannot found it again.
    assert found["a"] not in (born_of("a"), born_of("b"), born_of("c"))
    assert events(connection)[-1] == ("split", found["a"], born_of("a"))


def test_of_equal_parts_the_one_with_the_founder_keeps_the_id():
    connection = duckdb.connect()
    run(connection, ["b", "a"], [("a", "b")])
    run(connection, ["a", "b"])
    assert assignment(connection) == {"b": born_of("b"), "a": born_of("a")}


def test_an_id_without_records_ends_and_comes_back_the_same():
    connection = duckdb.connect()
    run(connection, ["a", "b"])
    result = run(connection, ["a"])
    assert result.erased == 1
    assert events(connection)[-1] == ("erased", born_of("b"), None)
    run(connection, ["a", "b"])
    assert assignment(connection)["b"] == born_of("b")


def test_a_lost_warehouse_gives_the_same_ids():
    records, pairs = ["a", "b", "c", "d"], [("b", "d")]
    first, second = duckdb.connect(), duckdb.connect()
    for count in range(1, 5):
        run(first, records[:count], [p for p in pairs if set(p) <= set(records[:count])])
    run(second, records, pairs)
    assert assignment(first) == assignment(second)


def test_linked_at_is_the_day_a_record_came_to_its_customer():
    connection = duckdb.connect()
    run(connection, ["a"])
    run(connection, ["a", "b"], [("a", "b")], DAY + timedelta(days=5))
    linked = dict(
        connection.execute(
            "select record_id, linked_at::varchar from identity.identity_assignment"
        ).fetchall()
    )
    assert linked == {"a": "2026-01-01 00:00:00", "b": "2026-01-06 00:00:00"}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.lists(st.integers(0, 4), min_size=8, max_size=8).map(
            tuple
        ),  # group per record, 0 = record is gone
        min_size=2,
        max_size=5,
    )
)
def test_random_histories(history):
    names = [f"r{i}" for i in range(8)]
    connection = duckdb.connect()
    previous: dict[str, str] = {}
    alive: set[str] = set()
    for step, groups in enumerate(history):
        present = [n for n, g in zip(names, groups, strict=True) if g]
        by_group: dict[int, list[str]] = {}
        for name, group in zip(names, groups, strict=True):
            if group:
                by_group.setdefault(group, []).append(name)
        pairs = [(members[0], m) for members in by_group.values() for m in members[1:]]
        seen = len(events(connection)) if step else 0
        run(connection, present, pairs, DAY + timedelta(days=step))
        found = assignment(connection)

        # One id per cluster, one cluster per id.
        assert set(found) == set(present)
        assert {frozenset(r for r in found if found[r] == i) for i in found.values()} == {
            frozenset(members) for members in by_group.values()
        }
        # A cluster whose records and only those shared an id keeps it.
        for members in by_group.values():
            old = {previous.get(m) for m in members}
            if len(old) == 1 and None not in old:
                (held,) = old
                if all(
                    found.get(r) == found[members[0]] for r, i in previous.items() if i == held and r in found
                ):
                    assert found[members[0]] == held
        # The events tell exactly which ids live.
        for event, customer_id, other in events(connection)[seen:]:
            if event == "merged":
                alive.discard(other)
            elif event == "erased":
                alive.discard(customer_id)
        for event, customer_id, _ in events(connection)[seen:]:
            if event in ("created", "split"):
                assert customer_id not in alive
                alive.add(customer_id)
        assert alive == set(found.values())
        before = events(connection)
        run(connection, present, pairs, DAY + timedelta(days=step))
        assert assignment(connection) == found
        assert events(connection) == before
        previous = found


def test_a_failure_leaves_the_previous_state(monkeypatch):
    connection = duckdb.connect()
    run(connection, ["a"])
    before = assignment(connection), events(connection)
    monkeypatch.setattr("ml.identity.registry.replace_assignment", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(connection, ["a", "b"])
    assert (assignment(connection), events(connection)) == before
