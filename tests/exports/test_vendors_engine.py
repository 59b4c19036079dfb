"""The engine with every vendor: what is published arrives once, an opt-out at the vendor stands."""

import pytest
from engine_world import AS_OF, NOW, PATIENCE, Person, World, crm_sync
from fakes.fake_vendor import Chaos
from vendor_worlds import WORLDS

from exports.engine.run import Options, apply_sync


@pytest.fixture(params=sorted(WORLDS))
def opened(request):
    return WORLDS[request.param]


def sync_for(vendor):
    mapping = {"customer_id": "id", "first_name": vendor.first_name}
    if vendor.email_field:
        mapping["email"] = vendor.email_field
    if "LastName" in vendor.extra:
        mapping["city"] = "LastName"
    return crm_sync(mapping=mapping)


def apply(vendor, home):
    options = Options(patience=PATIENCE, sleep=lambda seconds: None)
    return apply_sync(sync_for(vendor), home, vendor.destination, AS_OF, lambda: NOW, options)


def test_people_arrive_once_and_leave_with_their_consent(opened, home):
    with opened() as vendor:
        world = World(home, None)
        world.have("c_1", "c_2", "c_3", Person("c_4", consent=None))
        apply(vendor, home)
        assert sorted(vendor.fake.stored()) == ["c_1", "c_2", "c_3"]
        writes = len(
            [r for r in vendor.fake.log if vendor.first_name in r.content.decode("utf-8", "replace")]
        )
        apply(vendor, home)
        again = len([r for r in vendor.fake.log if '"Anna"' in r.content.decode("utf-8", "replace")])
        assert again <= writes, "an unchanged person is not sent"
        vendor.fake.opt_out("c_2@example.org")
        world.people["c_2"].first_name = "Neu"
        world.people["c_3"].consent = "withdrawn"
        world.publish()
        apply(vendor, home)
        assert vendor.fake.opted_out("c_2@example.org"), "the opt-out of a second ago stands"
        assert vendor.fake.stored()["c_2"][vendor.first_name] == "Anna", (
            "pulled before the push, nothing is sent"
        )
        assert vendor.fake.opted_out("c_3@example.org"), "a withdrawal is told to the vendor"
        assert not vendor.fake.opted_out("c_1@example.org")


def test_chaos_at_the_vendor_neither_loses_nor_doubles(opened, home):
    with opened(chaos=Chaos(seed=5, lost=0.1, throttled=0.1, unavailable=0.1)) as vendor:
        vendor.fake.retry_after = "0"
        world = World(home, None)
        world.have(*(f"c_{number}" for number in range(1, 31)))
        apply(vendor, home)
        assert len(vendor.fake.stored()) == 30 == vendor.fake.count()
