"""The consent gate: nobody passes without an undisputed `granted`; a gate with a hole is noticed."""

import inspect

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import exports.consent as gate
from exports.consent import consent_decisions

STATUSES = ("granted", "withdrawn", "unknown", "Granted", "granted ", "", None)
IDS = ("c_1", "c_2", "c_3")
STATEMENT = st.tuples(
    st.sampled_from([*IDS, "c_gone", None]),
    st.sampled_from(["email", "phone", "EMAIL"]),
    st.sampled_from(["marketing", "service"]),
    st.sampled_from(STATUSES),
)


def decide(decisions, statements) -> dict[str, str]:
    with duckdb.connect() as connection:
        connection.execute(
            "create schema marts; "
            "create table marts.customer as select unnest(['c_1', 'c_2', 'c_3', null]) as customer_id; "
            "create table marts.consent (customer_id varchar, channel varchar, purpose varchar, "
            "status varchar)"
        )
        if statements:
            connection.executemany("insert into marts.consent values (?, ?, ?, ?)", statements)
        rows = decisions(connection, "email", "marketing").to_pylist()
    assert [row["customer_id"] for row in rows] == list(IDS)
    return {row["customer_id"]: row["decision"] for row in rows}


def expected(statements) -> dict[str, str]:
    """The rule in words: no statement, a withdrawal, only grants, grants among others, none of these."""
    result = {}
    for customer_id in IDS:
        mine = [s[3] for s in statements if s[:3] == (customer_id, "email", "marketing")]
        if not mine:
            result[customer_id] = "no_record"
        elif "withdrawn" in mine:
            result[customer_id] = "withdrawn"
        elif all(status == "granted" for status in mine):
            result[customer_id] = "granted"
        else:
            result[customer_id] = "conflicting" if "granted" in mine else "unknown"
    return result


@settings(max_examples=150, deadline=None)
@given(st.lists(STATEMENT, max_size=8))
def test_only_undisputed_grants_pass(statements):
    assert decide(consent_decisions, statements) == expected(statements)


# Hand-picked statements that together tell every hole below from the gate.
CASES = [
    [],
    [("c_1", "email", "marketing", "granted")],
    [("c_1", "email", "marketing", "granted")] * 2,
    [("c_1", "email", "marketing", "withdrawn")],
    [("c_1", "email", "marketing", "unknown")],
    [("c_1", "email", "marketing", None)],
    [("c_1", "email", "marketing", "Granted")],
    [("c_1", "phone", "marketing", "granted")],
    [("c_1", "email", "service", "granted")],
    [("c_1", "email", "marketing", "granted"), ("c_1", "email", "marketing", "withdrawn")],
    [("c_1", "email", "marketing", "granted"), ("c_1", "email", "marketing", "unknown")],
    [("c_1", "email", "marketing", "granted"), ("c_1", "email", "marketing", None)],
    [("c_gone", "email", "marketing", "granted")],
]


@pytest.mark.parametrize("statements", CASES)
def test_cases(statements):
    assert decide(consent_decisions, statements) == expected(statements)


HOLES = [
    ("where channel = $channel and purpose = $purpose", "where channel = $channel"),
    ("where channel = $channel and purpose = $purpose", "where purpose = $purpose"),
    ("where status = 'granted'", "where lower(status) = 'granted'"),
    ("where status = 'granted'", "where status <> 'withdrawn'"),
    (
        "when statements.customer_id is null then 'no_record'",
        "when statements.customer_id is null then 'granted'",
    ),
    ("when withdrawn_count > 0 then 'withdrawn'", "when false then 'withdrawn'"),
    ("when granted_count = statement_count then", "when granted_count > 0 then"),
    ("count(*) as statement_count", "count(status) as statement_count"),
    ("else 'unknown'", "else 'granted'"),
]


@pytest.mark.parametrize(("right", "hole"), HOLES)
def test_every_hole_in_the_gate_is_noticed(right, hole):
    source = inspect.getsource(gate)
    assert right in source
    namespace: dict = {}
    exec(compile(source.replace(right, hole, 1), "hole", "exec"), namespace)  # the gate with one hole in it
    noticed = False
    for statements in CASES:
        try:
            noticed |= decide(namespace["consent_decisions"], statements) != expected(statements)
        except duckdb.Error:
            noticed = True  # a parameter is not used any more
    assert noticed
