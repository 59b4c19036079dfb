"""Modes, guards, merges and splits, rejected rows, plans that are stale."""

import pytest
from engine_world import Person, World, crm_sync
from fakes.fake_crm import FakeCrm

from exports.engine.guards import GuardTripped
from exports.engine.run import StalePlan
from exports.engine.send import TooManyRejected
from stammkunde.errors import BusyError, ConfigError


@pytest.fixture
def world(home):
    with FakeCrm().serving() as crm:
        yield World(home, crm)


@pytest.fixture
def mirror():
    return crm_sync(mode="mirror", filter=[{"column": "city", "equals": "Berlin"}])


def test_mirror_removes_what_it_created_and_never_touches_others(world, mirror):
    foreign = world.crm.add("c_1", city="theirs")
    world.have("c_1", "c_2", "c_3")
    result = world.apply(mirror)
    assert result.rejected == 1 and foreign["fields"] == {"city": "theirs"}
    world.have(Person("c_1", city="Ulm"), Person("c_2", city="Ulm"))
    assert world.apply(mirror).plan.counts == {"delete:left the segment": 1}
    assert {contact["key"] for contact in world.crm.contacts.values()} == {"c_1", "c_3"}
    assert foreign["fields"] == {"city": "theirs"}


def test_mirror_may_update_others_but_never_removes_them(world, mirror):
    mirror = mirror.model_copy(update={"foreign": "update"})
    world.crm.add("c_1", city="theirs")
    world.have("c_1", "c_2")
    world.apply(mirror)
    assert world.at_crm()["c_1"] == "Berlin"
    world.have(Person("c_1", city="Ulm"), Person("c_2", city="Ulm"))
    world.apply(mirror)
    assert world.at_crm() == {"c_1": "Berlin"}


def test_a_lost_answer_does_not_make_our_contact_a_foreign_one(world, mirror):
    world.have("c_1")
    destination = world.destination()
    send = destination.send

    def commit_and_die(operation, rows):
        send(operation, rows)
        raise KeyboardInterrupt

    destination.send = commit_and_die
    with pytest.raises(KeyboardInterrupt):
        world.apply(mirror, destination=destination)
    world.apply(mirror)
    world.have(Person("c_1", city="Ulm"))
    world.apply(mirror)
    assert world.crm.contacts == {}


def test_archive_mode_and_back(world):
    sync = crm_sync(mode="archive", filter=[{"column": "city", "equals": "Berlin"}])
    world.have("c_1", "c_2")
    world.apply(sync)
    world.have(Person("c_1", city="Ulm"))
    world.apply(sync)
    assert world.crm.by_key("c_1")[0]["archived"]
    world.have(Person("c_1"))
    assert world.apply(sync).plan.counts == {"restore:back": 1}
    assert world.at_crm() == {"c_1": "Berlin", "c_2": "Berlin"} and len(world.crm.contacts) == 2


def test_update_mode_never_creates(world):
    world.crm.add("c_1")
    world.have("c_1", "c_2")
    assert world.apply(crm_sync(mode="update")).rejected == 1
    assert world.at_crm() == {"c_1": "Berlin"} and len(world.crm.contacts) == 1


def test_fill_empty_leaves_filled_fields(world):
    world.crm.add("c_1", city="theirs")
    world.crm.add("c_2", city="")
    mapping = {"customer_id": "id", "email": "email", "city": {"field": "city", "write": "fill_empty"}}
    world.have("c_1", "c_2", "c_3")
    world.apply(crm_sync(mapping=mapping))
    assert world.at_crm() == {"c_1": "theirs", "c_2": "Berlin", "c_3": "Berlin"}


def test_a_truncated_table_trips_the_breaker(world, mirror):
    world.have(*(f"c_{n:03}" for n in range(150)))
    world.apply(mirror)
    people, world.people = world.people, {"c_000": Person("c_000")}
    world.publish()
    for sync in (mirror, crm_sync(name="crm_profiles")):
        with pytest.raises(GuardTripped, match="149 of 150 contacts"):
            world.apply(sync)
    assert len(world.at_crm()) == 150
    world.people = people
    world.publish()
    assert world.apply(mirror).sent == {}


def test_a_segment_that_shrinks_trips_the_breaker_where_nothing_is_removed(world):
    world.have(*(f"c_{n:03}" for n in range(150)))
    world.apply()
    world.have(*(Person(f"c_{n:03}", city="") for n in range(100)))
    with pytest.raises(GuardTripped, match="the sync selects 50 customers, 150 last time"):
        world.apply(crm_sync(filter=[{"column": "city", "present": True}]))


@pytest.mark.parametrize(
    ("guards", "message"),
    [
        ({"max_creates": 2}, "3 contacts would be created; guards.max_creates is 2"),
        ({"min_contacts": 1, "max_added_pct": 20}, "3 contacts would be added to 3"),
    ],
)
def test_growth_guards(world, guards, message):
    world.have("c_1", "c_2", "c_3")
    world.apply()
    world.have("c_4", "c_5", "c_6")
    with pytest.raises(GuardTripped, match=message):
        world.apply(crm_sync(guards=guards))
    assert len(world.at_crm()) == 3


@pytest.mark.parametrize("style", ["upsert", "create", "imports"])
def test_merge_and_split(world, style):
    world.style = style
    world.have("c_1", "c_2", "c_3")
    world.apply()
    del world.people["c_2"]
    world.successors = [("c_2", "c_1")]
    world.publish()
    assert world.apply().plan.counts == {"merge:merged": 1}
    loser = world.crm.by_key("c_2")[0]
    assert loser["archived"] and loser["merged_into"] == "c_1"
    assert world.apply().sent == {}
    world.successors = []
    world.have("c_2")
    assert world.apply().plan.counts == {"restore:back": 1}
    assert len(world.at_crm()) == 3 and len(world.crm.contacts) == 3


def test_merge_into_a_customer_without_consent_opts_the_loser_out(world):
    world.have("c_1", "c_2")
    world.apply()
    del world.people["c_2"]
    world.successors = [("c_2", "c_1")]
    world.have(Person("c_1", consent="withdrawn"))
    assert world.apply().plan.counts == {"withdraw:consent withdrawn": 2}
    assert world.at_crm() == {}


def test_rejected_rows_are_kept_with_a_masked_reason_and_retried_when_changed_or_asked(world):
    world.have("c_1", "c_2", "c_3", "c_4")
    world.crm.refused_values = {"c_2@example.org"}
    result = world.apply()
    assert (result.sent, result.rejected) == ({"upsert": 3}, 1)
    assert world.apply().plan.quarantined == 1 and sum(r.path == "/upsert" for r in world.crm.log) == 2
    assert world.apply(retry_rejected=True).rejected == 1
    world.have(Person("c_2", email="right@example.org"))
    assert world.apply().sent == {"upsert": 1}
    assert world.plan().quarantined == 0


def test_a_mapping_that_the_vendor_refuses_ends_the_run_early(world):
    world.have(*(Person(f"c_{n:03}", city="Ulm") for n in range(400)))
    world.crm.refused_values = {"Ulm"}
    world.batch_size = 10
    with pytest.raises(TooManyRejected, match=r"100 of 100 rows were rejected"):
        world.apply()
    assert world.crm.batches < 20
    world.crm.refused_values = {"c_001@example.org"}
    with pytest.raises(TooManyRejected, match="on_reject is stop"):
        world.apply(crm_sync(on_reject="stop"), retry_rejected=True)


def test_a_stale_plan_is_refused(world):
    world.have("c_1", "c_2")
    plan = world.plan()
    assert world.plan().plan_id == plan.plan_id
    world.have(Person("c_2", city="Ulm"))
    with pytest.raises(StalePlan, match=f"plan {plan.plan_id} is stale"):
        world.apply(plan_id=plan.plan_id)
    assert world.at_crm() == {}
    assert world.apply(plan_id=world.plan().plan_id).sent == {"upsert": 2}


def test_one_contact_per_address_where_the_vendor_keys_by_it(world):
    world.have("c_1", Person("c_2", email="C_1@Example.org"), Person("c_3", email=" "))
    destination = world.destination(keyed_by="identity")
    result = world.apply(destination=destination)
    assert result.plan.excluded == {"shared_address": 1, "no_address": 1}
    assert list(world.at_crm()) == ["c_1"]


def test_types_of_fields(world):
    mapping = {
        "customer_id": "id", "email": "email", "orders": {"field": "orders", "type": "text"},
        "churn_probability": "risk", "value_class": {"field": "classes", "type": "list"},
        "last_purchase_date": "last",
    }  # fmt: skip
    world.have("c_1")
    world.apply(crm_sync(mapping=mapping))
    assert world.crm.by_key("c_1")[0]["fields"] == {
        "email": "c_1@example.org", "orders": "3", "risk": 0.5, "classes": ["A"], "last": None,
    }  # fmt: skip
    mapping["email"] = {"field": "email", "type": "date"}
    with pytest.raises(ConfigError, match="'email' is text and cannot be sent as date; it can as text, list"):
        world.apply(crm_sync(mapping=mapping))


def test_two_runs_at_once_are_refused(world):
    world.have("c_1")
    destination = world.destination()
    destination.pull_suppressions = lambda cursor: world.apply()
    with pytest.raises(BusyError, match="another run is sending to crm"):
        world.apply(destination=destination)


def test_what_the_destination_cannot_do_is_said_before_anything_is_sent(world, mirror):
    world.have("c_1")
    destination = world.destination()
    destination.capabilities = destination.capabilities.__class__(batch_size=1)
    with pytest.raises(ConfigError, match="crm cannot delete"):
        world.apply(mirror, destination=destination)
