"""Causes of changed ids, old ids looked up, numbers given to other people, the circuit breaker."""

import pytest
from steward_world import World, parts

from ml.identity.history import whois
from ml.identity.stability import Stability
from stammkunde.errors import BlockedError, UserError

ANNA = {
    "first_key": "anna", "last_key": "weber", "birth_key": "1980-02-03", "email_key": "anna@example.com",
    "phone_key": "+4930111", "postal_key": "10115", "street_key": "lange str", "house_no_key": "5",
}  # fmt: skip
OTTO = {
    "first_key": "otto", "last_key": "kunz", "birth_key": "1955-07-08", "email_key": "otto@example.org",
    "phone_key": "+4989222", "postal_key": "80331", "street_key": "am markt", "house_no_key": "1",
}  # fmt: skip


def last_event(world):
    event, _, _, cause = world.events()[-1]
    return event, cause


def test_first_seen_is_a_new_record():
    world = World().write(["a"])
    world.resolve()
    assert last_event(world) == ("created", "new_record")


def test_a_merge_by_a_new_record_says_so():
    world = World().write(["a", "b"])
    world.resolve()
    world.write(["a", "b", "c"], [("a", "c"), ("b", "c")]).resolve(1)
    assert last_event(world) == ("merged", "new_record")


def test_a_merge_by_a_changed_record_says_so():
    world = World().write({"a": {}, "b": {}})
    world.resolve()
    world.write({"a": {"email_key": "x@example.com"}, "b": {}}, [("a", "b")]).resolve(1)
    assert last_event(world) == ("merged", "changed_record")


def test_a_split_by_a_removed_record_says_so():
    world = World().write(["a", "b", "c"], [("a", "b"), ("b", "c")])
    world.resolve()
    world.write(["a", "c"]).resolve(1)
    assert last_event(world) == ("split", "removed_record")


def test_a_split_by_a_steward_says_so_and_so_does_taking_it_back():
    world = World().write(["a", "b"], [("a", "b")])
    world.resolve()
    world.decide("unlink", "a", "b")
    world.resolve(1)
    assert last_event(world) == ("split", "steward_decision")
    world.decide("link", "a", "b", day=2)
    world.resolve(2)
    assert last_event(world) == ("merged", "steward_decision")


def test_other_weights_say_so_and_without_any_change_it_is_other_records():
    world = World().write(["a", "b"])
    world.resolve()
    world.write(["a", "b"], [("a", "b")]).resolve(1)
    assert last_event(world) == ("merged", "other_records")
    world.score(("a", "b", 0.8), version="v2").resolve(2)
    assert last_event(world) == ("split", "weights_version")


def test_scored_pairs_join_from_the_threshold_on_and_never_across_a_veto():
    world = World().write(["a", "b", "c", "d", "e"])
    world.score(("a", "b", 0.9), ("b", "c", 0.89), ("d", "e", 0.99, "twins")).resolve()
    assert world.parts() == parts("a b", "c", "d", "e")


def test_whois_follows_a_chain_of_merges():
    world = World().write(["a", "b", "c"])
    world.resolve()
    a, b, c = (world.ids()[r] for r in "abc")
    world.write(["a", "b", "c"], [("b", "c")]).resolve(1)
    world.write(["a", "b", "c"], [("b", "c"), ("a", "b")]).resolve(2)
    survivor = world.ids()["a"]
    for old in (a, b, c):
        assert whois(world.connection, old).customer_id == survivor
    lost = next(i for i in (b, c) if any(e[:1] == ("merged",) and e[2] == i for e in world.events()))
    assert any("merged into" in step for step in whois(world.connection, lost).steps)


def test_whois_of_an_ended_a_revived_and_an_unknown_id():
    world = World().write(["a", "b"])
    world.resolve()
    b = world.ids()["b"]
    world.write(["a"]).resolve(1)
    assert whois(world.connection, b).customer_id is None
    world.write(["a", "b"]).resolve(2)
    assert whois(world.connection, b).customer_id == b
    with pytest.raises(UserError, match="c_nobody is no customer id"):
        whois(world.connection, "c_nobody")


def test_a_number_given_to_somebody_else_does_not_inherit_the_customer():
    world = World().write({"branch:7": ANNA, "webshop:1": ANNA}, [("branch:7", "webshop:1")])
    world.resolve()
    anna = world.ids()["branch:7"]
    result = world.write({"branch:7": OTTO, "webshop:1": ANNA}).resolve(1)
    assert result.reissued_records == 1
    assert world.ids()["webshop:1"] == anna
    assert world.ids()["branch:7"] != anna
    assert ("created", world.ids()["branch:7"], None, "reissued_record") in world.events()
    assert world.query(
        "select record_id, generation, previous_customer_id from identity.reissued_record"
    ) == [("branch:7", 1, anna)]


def test_a_reissued_number_alone_gets_a_new_id_and_the_old_one_ends():
    world = World().write({"branch:7": ANNA})
    world.resolve()
    anna = world.ids()["branch:7"]
    world.write({"branch:7": OTTO}).resolve(1)
    otto = world.ids()["branch:7"]
    assert otto != anna
    assert ("erased", anna, None, "reissued_record") in world.events()
    assert whois(world.connection, anna).customer_id is None
    before = world.events()
    assert world.resolve(2).reissued_records == 0
    assert (world.ids()["branch:7"], world.events()) == (otto, before)


@pytest.mark.parametrize(
    "change",
    [
        {
            "last_key": "schulz",
            "email_key": "as@example.com",
            "street_key": "neue gasse",
        },  # marriage and move
        {"first_key": "weber", "last_key": "anna", "email_key": None, "phone_key": None},  # fields swapped
        {**OTTO, "birth_key": ANNA["birth_key"]},
        {**OTTO, "phone_key": ANNA["phone_key"]},
        {key: None for key in ANNA}
        | {"first_key": "otto", "last_key": "kunz"},  # nothing to tell them apart by
    ],
)
def test_a_changed_person_is_the_same_person(change):
    world = World().write({"branch:7": ANNA})
    world.resolve()
    before = world.ids()
    assert world.write({"branch:7": ANNA | change}).resolve(1).reissued_records == 0
    assert world.ids() == before


def test_a_decision_on_the_person_before_does_not_hold_for_the_one_after():
    world = World().write({"branch:7": ANNA, "webshop:1": {}})
    world.decide("link", "branch:7", "webshop:1")
    world.resolve()
    world.write({"branch:7": OTTO, "webshop:1": {}}).resolve(1)
    assert world.parts() == parts("branch:7", "webshop:1")
    assert world.query("select status from identity.steward_decision") == [("record_reissued",)]
    world.decide("link", "branch:7", "webshop:1", day=2)
    world.resolve(2)
    assert world.parts() == parts("branch:7 webshop:1")


def test_the_circuit_breaker_stops_a_run_that_changes_too_many_ids():
    records = [f"r{i:02}" for i in range(40)]
    world = World().write(records)
    strict = Stability(maximum_changed_share=0.05, tolerated_ids=2)
    world.resolve(0, strict)  # the first run changes nothing that was
    before = world.ids(), world.events()
    merging = [(records[0], record) for record in records[1:4]]
    world.write(records, merging)
    with pytest.raises(BlockedError, match=r"3 of 40 customer ids \(7.5%; allowed 5.0%\): 3 merge, 0 split"):
        world.resolve(1, strict)
    assert (world.ids(), world.events()) == before
    assert world.resolve(1).merged == 3  # accepted
    assert world.resolve(2, strict).changed_ids == 0


def test_a_few_ids_may_always_change():
    world = World().write(["a", "b"])
    world.resolve()
    world.write(["a", "b"], [("a", "b")])
    assert world.resolve(1, Stability(maximum_changed_share=0.0, tolerated_ids=1)).changed_ids == 1


def test_a_warehouse_of_before_gets_the_missing_columns():
    world = World().write(["a"])
    world.connection.execute(
        "create table identity.customer_id_event (event varchar, customer_id varchar,"
        " previous_customer_id varchar, happened_at timestamp, reason varchar)"
    )
    world.connection.execute(
        "insert into identity.customer_id_event values ('created', 'c_x', null, '2023-01-01', 'first seen')"
    )
    world.resolve()
    assert world.query("select event_no, event from identity.customer_id_event order by 1") == [
        (1, "created"),
        (2, "created"),
    ]
