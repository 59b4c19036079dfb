"""A run: exactly what changed is sent, the ledger says what the destination has, a second run sends
nothing.
"""

import pytest
from engine_world import Person, World, crm_sync
from fakes.fake_crm import FakeCrm


@pytest.fixture(params=["upsert", "create", "imports"])
def world(home, request):
    with FakeCrm().serving() as crm:
        yield World(home, crm, request.param)


def test_everybody_with_consent_is_sent_once(world):
    world.have("c_1", "c_2", "c_3", "c_4", Person("c_5", consent=None), Person("c_6", consent="withdrawn"))
    result = world.apply()
    assert world.at_crm() == dict.fromkeys(["c_1", "c_2", "c_3", "c_4"], "Berlin")
    assert result.sent == {"upsert": 4} and result.plan.counts == {"upsert:new": 4}
    assert world.apply().sent == {}
    assert len(world.crm.contacts) == 4


def test_only_changed_rows_are_sent(world):
    world.have(*(f"c_{n}" for n in range(100)))
    world.apply()
    world.have(Person("c_7", city="Hamburg"))
    plan = world.plan()
    assert plan.counts == {"upsert:changed": 1} and plan.unchanged == 99
    assert plan.samples == [("upsert", "changed", "c_7", "city")]
    assert world.apply().sent == {"upsert": 1}
    assert world.at_crm()["c_7"] == "Hamburg" and len(world.crm.contacts) == 100


def test_a_change_of_the_mapping_sends_everybody_again(world):
    world.have("c_1", "c_2")
    world.apply()
    mapping = {"customer_id": "id", "email": "email", "orders": "orders"}
    assert world.apply(crm_sync(mapping=mapping)).sent == {"upsert": 2}
    assert world.crm.by_key("c_1")[0]["fields"]["orders"] == 3
