"""Resolution of pairs in a warehouse, and its scores."""

from datetime import date

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from identity_world import assignment, identity_world

from ml.identity.evaluation import pairwise_scores, score_warehouse
from ml.identity.resolve import resolve_identity

DAY = date(2026, 1, 1)


def test_each_record_shows_its_strongest_pair():
    connection = identity_world(
        ["a", "b", "c", "d"], [("a", "b", "name_and_address", 0.96), ("b", "c", "email_and_name", 0.99)]
    )
    result = resolve_identity(connection, DAY)
    rows = connection.execute(
        "select record_id, match_probability, matched_by from identity.identity_assignment order by 1"
    ).fetchall()
    assert rows == [
        ("a", 0.96, "name_and_address"),
        ("b", 0.99, "email_and_name"),
        ("c", 0.99, "email_and_name"),
        ("d", 1.0, "single_record"),
    ]
    assert (result.pairs, result.pairs_refused) == (2, 0)


def test_a_veto_is_kept_and_counted():
    connection = identity_world(
        ["a", "b", "c"], [("a", "b", "x", 0.99), ("b", "c", "y", 0.9)], vetoes=[("a", "c")]
    )
    result = resolve_identity(connection, DAY)
    found = assignment(connection)
    assert found["a"] == found["b"] != found["c"]
    assert result.pairs_refused == 1


def test_a_pair_of_an_unknown_record_is_an_error():
    connection = identity_world(["a"], [("a", "zzz", "x", 0.99)])
    with pytest.raises(ValueError, match="evidence pair: 1 name a record"):
        resolve_identity(connection, DAY)


def test_no_record_at_all():
    connection = identity_world([])
    assert resolve_identity(connection, DAY).records == 0
    assert assignment(connection) == {}


def grouping(**groups):
    rows = [(record, name) for name, records in groups.items() for record in records]
    return pa.table({"record_id": [r for r, _ in rows], "group_id": [g for _, g in rows]})


def test_pairwise_scores_count_pairs():
    truth = grouping(anna="abc", ben="de", carl="f")
    found = grouping(x="ab", y="cd", z="e", w="f")
    scores = pairwise_scores(truth, found)
    assert (scores.true_pairs, scores.predicted_pairs, scores.correct_pairs) == (4, 2, 1)
    assert scores.precision == 0.5
    assert scores.recall == 0.25
    assert scores.f1 == pytest.approx(1 / 3)


def test_pairwise_scores_ignore_records_of_one_side_and_refuse_doubles():
    assert pairwise_scores(grouping(x="ab"), grouping(y="bc")).predicted_pairs == 0
    with pytest.raises(ValueError, match="1 records more than once"):
        pairwise_scores(grouping(x="ab", y="b"), grouping(y="ab"))


def test_score_warehouse_reads_the_truth(tmp_path):
    records = ["shop:1", "branch:1", "shop:2", "shop:3", "shop:4"]
    connection = identity_world(records, [("shop:1", "branch:1", "x", 0.99), ("shop:3", "shop:4", "x", 0.99)])
    resolve_identity(connection, DAY)
    truth = {
        "source_system": [r.split(":")[0] for r in records],
        "source_record_id": [r.split(":")[1] for r in records],
        "person_id": ["p7", "p7", "p7", None, None],  # the last two are nobody
    }
    pq.write_table(pa.table(truth), tmp_path / "records.parquet")
    scores = score_warehouse(connection, tmp_path / "records.parquet")
    assert (scores.true_pairs, scores.predicted_pairs, scores.correct_pairs) == (3, 2, 1)


def test_many_records_of_one_content_stay_linear():
    count = 50_000
    connection = duckdb.connect()
    identity_world([], connection=connection)
    connection.execute(
        "insert into identity.int_source_records "
        f"select 'r' || lpad(i::varchar, 6, '0'), null from range({count}) as numbers(i)"
    )
    connection.execute(
        "insert into identity.int_record_keys select record_id, 'r000000' from identity.int_source_records"
    )
    assert resolve_identity(connection, DAY).customers == 1


def test_a_record_that_could_be_father_or_son_is_neither():
    pairs = [("father", "letter", "name and address", 0.8), ("son", "letter", "name and address", 0.8)]
    connection = identity_world(["father", "letter", "son"], pairs, vetoes=[("father", "son")])
    resolve_identity(connection, DAY)
    assert len(set(assignment(connection).values())) == 3
    # With more evidence for one of them it is that one.
    connection = identity_world(
        ["father", "letter", "son"], [pairs[0], (*pairs[1][:3], 0.96)], vetoes=[("father", "son")]
    )
    resolve_identity(connection, DAY)
    found = assignment(connection)
    assert found["letter"] == found["son"] != found["father"]
