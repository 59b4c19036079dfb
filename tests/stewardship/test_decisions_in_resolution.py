"""Decisions hold in every resolution, whatever the evidence says."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from steward_world import World, parts

from ml.identity.decisions import DecisionError


def test_a_link_joins_and_an_unlink_parts_in_every_run():
    world = World().write(["a", "b", "c", "d"], [("c", "d", 0.99)])
    world.decide("link", "a", "b")
    world.decide("unlink", "c", "d")
    for day in range(3):
        result = world.resolve(day)
        assert world.parts() == parts("a b", "c", "d")
    assert result.decisions == 2
    assert result.created == result.merged == result.split == 0
    assert world.query(
        "select record_id, matched_by, match_probability from identity.identity_assignment"
        " where record_id in ('a', 'b') order by 1"
    ) == [("a", "steward_link", 1.0), ("b", "steward_link", 1.0)]


def test_decisions_outlive_the_warehouse():
    world = World().write(["a", "b"])
    world.decide("link", "a", "b")
    world.resolve()
    rebuilt = World().write(["a", "b"])
    rebuilt.decisions = world.decisions
    rebuilt.resolve()
    assert rebuilt.ids() == world.ids()


def test_a_link_overrules_a_veto_between_the_two():
    world = World().write(["a", "b"], vetoes=[("a", "b")])
    world.decide("link", "a", "b")
    world.resolve()
    assert world.parts() == parts("a b")


def test_a_link_does_not_drag_vetoed_others_along():
    world = World().write(["a", "a2", "b", "b2"], [("a", "a2", 0.99), ("b", "b2", 0.9)], [("a2", "b2")])
    world.decide("link", "a", "b")
    world.resolve()
    assert world.parts() == parts("a a2 b", "b2")


def test_an_unlink_parts_records_of_the_same_content():
    world = World().write(["a", "b", "c"], [("a", "b", 1.0, "same_content"), ("a", "c", 1.0, "same_content")])
    world.decide("unlink", "b", "c")
    world.resolve()
    assert world.parts() == parts("a b", "c")


def test_an_unlink_holds_where_a_link_and_same_content_would_join():
    world = World().write(["a", "b", "c"], [("b", "c", 1.0, "same_content")])
    world.decide("link", "a", "c")
    world.decide("unlink", "a", "b")
    world.resolve()
    assert world.parts() == parts("a c", "b")


def test_an_unlink_holds_along_a_chain_of_evidence():
    world = World().write(["a", "b", "c"], [("a", "b", 0.9), ("b", "c", 0.99)])
    world.decide("unlink", "a", "c")
    world.resolve()
    assert world.parts() == parts("a", "b c")


def test_a_decision_on_a_record_that_is_gone_waits_for_it():
    world = World().write(["a", "b"])
    world.decide("link", "a", "b")
    world.resolve()
    world.write(["a"]).resolve(1)
    assert world.query("select status from identity.steward_decision") == [("record_missing",)]
    world.write(["a", "b"]).resolve(2)
    assert world.parts() == parts("a b")


def test_the_older_decision_on_a_pair_stays_on_record_as_superseded():
    world = World().write(["a", "b"])
    world.decide("link", "a", "b")
    world.decide("unlink", "b", "a", day=1)
    world.resolve()
    assert world.parts() == parts("a", "b")
    assert world.query("select action, status from identity.steward_decision order by decided_at") == [
        ("link", "superseded"),
        ("unlink", "in_force"),
    ]


def test_contradictory_decisions_stop_the_run_and_change_nothing():
    world = World().write(["a", "b", "c"])
    world.resolve()
    before = world.ids()
    for pair in ("a b", "b c"):
        world.decide("link", *pair.split())
    world.decide("unlink", "a", "c")
    with pytest.raises(DecisionError, match="a – b – c"):
        world.resolve(1)
    assert world.ids() == before


pairs = st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda p: p[0] < p[1])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(pairs, st.sampled_from([1.0, 0.99, 0.9])), max_size=14, unique_by=lambda e: e[0]),
    st.lists(pairs, max_size=4, unique=True),
    st.lists(st.tuples(st.sampled_from(["link", "unlink"]), pairs), max_size=6),
)
def test_whatever_the_evidence_the_decisions_hold(edges, vetoes, decisions):
    equal = {pair for pair, probability in edges if probability == 1.0}
    reached = [{i} for i in range(8)]
    for a, b in equal:
        joined = reached[a] | reached[b]
        for i in joined:
            reached[i] = joined
    world = World().write(
        [f"r{i}" for i in range(8)],
        [(f"r{a}", f"r{b}", probability) for (a, b), probability in edges],
        [(f"r{a}", f"r{b}") for a, b in vetoes if b not in reached[a]],
    )
    for action, (a, b) in decisions:
        world.decide(action, f"r{a}", f"r{b}")
    try:
        world.resolve()
    except DecisionError:
        return
    ids = world.ids()
    newest = {tuple(sorted((f"r{a}", f"r{b}"))): action for action, (a, b) in decisions}
    for (a, b), action in newest.items():
        assert (ids[a] == ids[b]) == (action == "link")
    before = ids, world.events()
    world.resolve(1)
    assert (world.ids(), world.events()) == before
