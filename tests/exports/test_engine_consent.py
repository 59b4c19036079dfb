"""Consent in depth: the gate, opt-outs first, what the vendor knows, erasures, proofs."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest
from engine_world import NOW, Person, World, crm_sync
from fakes.fake_crm import FakeCrm

from exports.engine import queue_erasure
from exports.engine.guards import GuardTripped
from exports.engine.optouts import ConsentLedger
from exports.run import export
from exports.sync import Sync
from stammkunde.errors import UserError


@pytest.fixture
def world(home):
    with FakeCrm().serving() as crm:
        yield World(home, crm)


def sent_keys(world, path="/upsert") -> list[str]:
    return [row["key"] for request in world.crm.log if request.path == path for row in request.json]


def test_an_opt_out_at_the_vendor_one_second_before_the_push_stays(world):
    world.have("c_1", "c_2")
    world.apply()
    world.have(Person("c_1", city="Hamburg"), Person("c_2", city="Hamburg"))
    world.crm.unsubscribe("c_1")
    result = world.apply()
    assert result.opt_outs_pulled == 1
    assert not world.crm.by_key("c_1")[0]["subscribed"]
    assert world.crm.by_key("c_1")[0]["fields"]["city"] == "Berlin", "an opted-out profile was sent"
    assert world.at_crm() == {"c_2": "Hamburg"}


def test_an_opt_out_at_one_destination_is_carried_to_the_others_and_to_files(world, publish_customers):
    world.have("c_1", "c_2")
    world.apply()
    other = crm_sync(name="other_profiles", destination="other")
    world.apply(other)
    world.crm.unsubscribe("c_1")
    world.apply()
    result = world.apply(other)
    assert result.plan.counts == {"withdraw:consent withdrawn": 1}
    files = Sync.model_validate(
        {
            "name": "mailing", "exposure": "mailing", "model": "customer_360", "key": "customer_id",
            "mapping": {"customer_id": "id"}, "consent": {"channel": "email", "purpose": "marketing"},
            "destination": {"kind": "file", "formats": ["csv"]},
        }
    )  # fmt: skip
    exported = export(files, world.home, NOW.date())
    assert exported.rows_exported == 1 and exported.excluded["opted_out"] == 1


def test_an_opt_out_blocks_everybody_with_the_address_and_a_bounce_only_the_address(world):
    world.have("c_1", Person("c_2", email="C_1@example.org"), "c_3")
    world.apply()
    world.crm.unsubscribe("c_1")
    world.crm.unsubscribe("c_3", kind="bounce")
    plan = world.apply().plan
    assert plan.excluded == {"opted_out": 3}
    world.have(Person("c_1", email="new1@example.org"), Person("c_3", email="new3@example.org"))
    assert world.plan().excluded == {"opted_out": 2}, "a bounce does not follow the person, an opt-out does"


def test_the_newest_opt_out_wins_until_a_later_double_opt_in(world):
    world.have("c_1")
    world.apply()
    world.crm.unsubscribe("c_1", at="2026-11-18T10:00:00+00:00")
    world.apply()
    assert world.at_crm() == {}
    with closing(ConsentLedger(world.home)) as ledger:

        def prove(day: int) -> int:
            confirmed = datetime(2026, 11, day, tzinfo=UTC)
            return ledger.resubscribe("c_1", "C_1@example.org", "email", confirmed, "doi-7", "kim", NOW)

        with pytest.raises(UserError, match="newest opt-out wins"):
            prove(17)
        with pytest.raises(UserError, match="in the future"):
            prove(25)
        assert prove(19) == 1
    assert world.apply().sent == {"upsert": 1}
    assert not world.crm.by_key("c_1")[0]["subscribed"], "no profile sync may subscribe anybody"


def test_withdrawn_between_plan_and_send_is_not_sent(world):
    """The run dies after planning; the consent ends; the resumed outbox holds it back."""
    world.have("c_1", "c_2", "c_3", "c_4")
    destination = world.destination()
    destination.send = lambda operation, rows: (_ for _ in ()).throw(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        world.apply(destination=destination)
    world.have(Person("c_1", consent="withdrawn"), Person("c_2", consent=None))
    world.apply()
    assert sorted(sent_keys(world)) == ["c_3", "c_4"]
    assert world.at_crm() == {"c_3": "Berlin", "c_4": "Berlin"}


def test_withdrawn_while_a_run_sends_is_not_sent(world):
    world.batch_size = 1
    world.have(*(f"c_{n:02}" for n in range(60)))
    destination = world.destination(connections=1)
    send = destination.send
    calls = []

    def send_and_withdraw(operation, rows):
        calls.append(rows)
        if len(calls) == 3:
            world.have(Person("c_50", consent="withdrawn"), Person("c_00", consent="withdrawn"))
        return send(operation, rows)

    destination.send = send_and_withdraw
    world.apply(destination=destination)
    assert "c_50" not in sent_keys(world)
    assert "c_50" not in world.at_crm() and "c_00" not in world.at_crm() and len(world.at_crm()) == 58


def test_withdrawals_go_first_and_pass_a_tripped_guard(world):
    world.have(*(f"c_{n:03}" for n in range(200)))
    world.apply()
    lost = {f"c_{n:03}": Person(f"c_{n:03}", consent=None) for n in range(150)}
    world.have(*lost.values(), Person("c_199", consent="withdrawn"), Person("c_198", city="Ulm"))
    del world.crm.log[:]
    with pytest.raises(GuardTripped, match="150 of 200 contacts would be removed"):
        world.apply()
    assert [request.path for request in world.crm.log if request.method == "POST"] == ["/do/withdraw"]
    assert len(world.at_crm()) == 199 and not world.crm.by_key("c_199")[0]["subscribed"]
    world.apply(accept=True)
    assert len(world.at_crm()) == 49


def test_an_erasure_reaches_every_destination_that_may_know_the_customer(world):
    world.have("c_1", "c_2", "c_3")
    other = crm_sync(name="other_profiles", destination="other")
    world.apply()
    world.apply(other)
    assert queue_erasure(world.home, ["c_1", "c_9"]) == 2
    del world.people["c_1"]
    world.publish()
    world.apply()
    assert world.crm.erased == {"c_1"} and "c_1" not in world.at_crm()
    world.crm.erased.clear()
    world.apply(other)
    assert world.crm.erased == {"c_1"}
    world.have("c_1")
    assert world.plan().excluded == {"erased": 1}, "tomorrow's file must not bring an erased customer back"
    for path in sorted(world.home.exports.rglob("*")):
        if path.is_file() and path.suffix in (".sqlite", ".parquet", ".sqlite-wal"):
            assert path.suffix != ".sqlite-wal" or b"c_1@" not in path.read_bytes()
    for name in ("crm", "other", "consent"):
        with closing(sqlite3.connect(world.home.exports / f"{name}.sqlite")) as connection:
            assert "'c_1'" not in "\n".join(connection.iterdump())


def test_a_contact_on_its_way_when_erased_is_erased_too(world):
    """The answer to the create is lost and the run dies: the ledger knows of no contact, the vendor has
    it.
    """
    world.have("c_1")
    destination = world.destination()
    send = destination.send

    def commit_and_die(operation, rows):
        send(operation, rows)
        raise KeyboardInterrupt

    destination.send = commit_and_die
    with pytest.raises(KeyboardInterrupt):
        world.apply(destination=destination)
    assert len(world.crm.contacts) == 1
    queue_erasure(world.home, ["c_1"])
    world.apply()
    assert world.crm.contacts == {}


def test_hold_out_and_segment(world):
    world.have(*(f"c_{n}" for n in range(400)))
    sync = crm_sync(hold_out={"name": "autumn", "share_pct": 25})
    plan = world.plan(sync)
    assert 70 < plan.excluded["hold_out"] < 130
    assert plan.selected == 400 - plan.excluded["hold_out"]
    assert world.plan(sync).digest == plan.digest
    renamed = crm_sync(hold_out={"name": "winter", "share_pct": 25})
    assert world.plan(renamed).digest != plan.digest
    assert world.plan(crm_sync(filter=[{"column": "churn_probability", "at_least": 0.6}])).selected == 0
