"""Survivorship says the same in whatever order the records lie, with any strategies."""

import random

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

STRATEGIES = ["source_priority", "most_recent", "most_frequent", "most_complete", "longest"]
MODELS = ("int_golden_attributes_ranked", "int_golden_winners")


@pytest.fixture(scope="module")
def compiled(built):
    """Model → its SQL, on tables of the schema golden."""
    folder = built.directory / "target" / "compiled" / "stammkunde" / "models" / "intermediate" / "golden"
    return {model: (folder / f"{model}.sql").read_text(encoding="utf-8") for model in MODELS}


candidates = st.lists(
    st.tuples(
        st.sampled_from(["shop", "branch", "webshop", "leads"]),
        st.sampled_from([None, "2020-01-01", "2021-01-01"]),
        st.sampled_from(["a", "A", "bb", "ccc"]),
        st.sampled_from(["valid", "incomplete", "bounce"]),
        st.booleans(),
        st.integers(1, 3),
    ),
    min_size=1,
    max_size=12,
)


def winners(compiled, rows, strategies, seed):
    """What the models make of the rows in a shuffled order, with two threads."""
    rows = [(f"r{number:02}", *row) for number, row in enumerate(rows)]
    random.Random(seed).shuffle(rows)
    with duckdb.connect() as connection:
        connection.execute("attach ':memory:' as warehouse")
        connection.execute("use warehouse")
        connection.execute("create schema golden; set threads = 2; set preserve_insertion_order = false")
        connection.execute(
            "create table golden.int_golden_candidates (record_id varchar, source_system varchar, "
            "observed_at timestamp, group_value varchar, validity varchar, is_second_choice boolean, "
            "filled_count integer)"
        )
        connection.executemany("insert into golden.int_golden_candidates values (?, ?, ?, ?, ?, ?, ?)", rows)
        connection.execute(
            "create or replace table golden.int_golden_candidates as select *, 'c' as customer_id, "
            "'email' as attribute_group, lower(group_value) as value_key from golden.int_golden_candidates"
        )
        padded = [*strategies, None, None][:3]
        connection.execute(
            "create table golden.survivorship_rule as select 'email' as attribute_group, 'x' as strategy, "
            "? as strategy_1, ?::varchar as strategy_2, ?::varchar as strategy_3, 3 as shop_priority, "
            "2 as branch_priority, 1 as webshop_priority, 4 as leads_priority, false as allow_fill",
            padded,
        )
        for model in MODELS:
            connection.execute(f"create table golden.{model} as {compiled[model]}")
        return connection.execute("select * from golden.int_golden_winners").fetchall()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    rows=candidates,
    strategies=st.lists(st.sampled_from(STRATEGIES), min_size=1, max_size=3, unique=True),
    seed=st.integers(0, 10_000),
)
def test_the_order_of_the_rows_changes_nothing(compiled, rows, strategies, seed):
    written = winners(compiled, rows, strategies, 0)
    assert len(written) == 1
    assert winners(compiled, rows, strategies, seed) == written
    # The customer's value beats the lead's, and what works beats both.
    ids = {f"r{number:02}": row for number, row in enumerate(rows)}
    source, _, _, validity, _, _ = ids[written[0][2]]
    ranks = {"valid": 0, "incomplete": 1, "bounce": 2}
    assert ranks[validity] == min(ranks[row[3]] for row in rows)
    rivals = [row for row in rows if row[3] == validity]
    assert source != "leads" or all(row[0] == "leads" for row in rivals)
