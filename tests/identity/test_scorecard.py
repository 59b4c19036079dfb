"""Measures of a resolution, counted by hand on a few records."""

from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest

from ml.identity.bench import run_identity
from ml.identity.scorecard import scorecard
from ml.identity.worlds import PRESETS, SCHEMA, TRUTH_SCHEMA, make_world


def records(*rows: dict) -> pa.Table:
    usual = {
        "kind": "person",
        "source_system": "shop",
        "is_guest": False,
        "created_at": datetime.fromisoformat("2024-01-01"),
    }
    return pa.Table.from_pylist([usual | row for row in rows], schema=SCHEMA)


def truth(*rows: tuple) -> pa.Table:
    return pa.Table.from_pylist(
        [dict(zip(TRUTH_SCHEMA.names, row, strict=True)) for row in rows], schema=TRUTH_SCHEMA
    )


def assigned(**customers: str) -> pa.Table:
    return pa.table({"record_id": list(customers), "customer_id": list(customers.values())})


RECORDS = records(
    {"record_id": "a", "first_name": "Hans", "last_name": "Müller", "email": "hans@web.de"},
    {"record_id": "b", "first_name": "Johannes", "last_name": "Mueller", "source_system": "leads",
    "email": "hans@web.de"},
    {"record_id": "c", "first_name": "Müller", "last_name": "Hans", "source_system": "branch"},
    {"record_id": "d", "first_name": "Eva", "last_name": "Müller", "email": "hans@web.de"},
    {"record_id": "e", "company_name": "Bau GmbH", "kind": "company"},
)  # fmt: skip
TRUTH = truth(
    ("a", "p1", "h1", "adult"), ("b", "p1", "h1", "adult"), ("c", "p1", "h1", "adult"), ("d", "p2", "h1",
    "partner"),
    ("e", "f1", None, "company"),
)  # fmt: skip


def test_pairs_households_and_who_is_mixed_up():
    card = scorecard(RECORDS, TRUTH, assigned(a="1", b="1", c="2", d="1", e="1"))
    assert (card.pairs.true_pairs, card.pairs.predicted_pairs, card.pairs.correct_pairs) == (3, 6, 1)
    assert (card.household_precision.part, card.household_precision.whole) == (1, 3)
    assert card.false_pairs == {"person and company": 3, "couple": 2}


def test_b_cubed_is_the_mean_over_records():
    card = scorecard(RECORDS, TRUTH, assigned(a="1", b="1", c="2", d="1", e="1"))
    precision = (2 / 4 + 2 / 4 + 1 + 1 / 4 + 1 / 4) / 5
    recall = (2 / 3 + 2 / 3 + 1 / 3 + 1 + 1) / 5
    assert card.b_cubed == pytest.approx(
        (precision, recall, 2 * precision * recall / (precision + recall)), abs=1e-6
    )


def test_recall_is_told_by_difficulty():
    card = scorecard(RECORDS, TRUTH, assigned(a="1", b="1", c="2", d="3", e="4"))
    assert {k: (s.part, s.whole) for k, s in card.recall["first_names"].items()} == {
        "swapped": (0, 1),
        "other": (1, 2),
    }
    assert {k: (s.part, s.whole) for k, s in card.recall["emails"].items()} == {
        "equal": (1, 1),
        "unknown": (0, 2),
    }
    assert {k: s.whole for k, s in card.recall["systems"].items()} == {
        "branch–leads": 1,
        "branch–shop": 1,
        "leads–shop": 1,
    }


def test_the_ceiling_is_what_shares_a_value():
    card = scorecard(RECORDS, TRUTH, assigned(a="1", b="1", c="1", d="3", e="4"))
    found = {name: share.part for name, share in card.ceiling.items()}
    assert found == {
        "share_a_value": 1,
        "share_a_value, with what follows": 1,
        "share_a_value_or_name": 2,
        "share_a_value_or_name, with what follows": 3,
    }


def test_traits_of_a_world_are_counted_where_either_record_has_them():
    traits = pa.table({"record_id": list("abcde"), "nickname": [False, True, False, False, True]})
    card = scorecard(RECORDS, TRUTH, assigned(a="1", b="1", c="2", d="3", e="4"), traits=traits)
    assert (card.recall["traits"]["nickname"].part, card.recall["traits"]["nickname"].whole) == (1, 2)


@pytest.mark.slow
def test_a_world_runs_through_the_models(tmp_path: Path):
    world = make_world(PRESETS["german"], 2_000, seed=9)
    found = run_identity(world.records, tmp_path)
    assert found.assignment["record_id"].to_pylist() == sorted(world.records["record_id"].to_pylist())
    assert set(found.seconds) == {"load", "models", "clusters", "total"}
    assert found.peak_mb > 0
    card = scorecard(world.records, world.truth, found.assignment, found.warehouse, world.traits)
    assert card.pairs.precision > 0.95
    assert card.pairs.recall > 0.6
    # Nothing is found that is not compared, and perfect judgement finds at least what was found rightly.
    possible = card.ceiling["candidates, with what follows"].part
    assert card.ceiling["candidates"].part <= possible
    assert card.pairs.correct_pairs <= possible

    again = run_identity(world.records, tmp_path)
    assert again.assignment.equals(found.assignment)


def test_records_that_repeat_are_refused(tmp_path: Path):
    twice = records({"record_id": "a"}, {"record_id": "a"})
    with pytest.raises(ValueError, match="1 of 2 rows repeat a record_id"):
        run_identity(twice, tmp_path)
