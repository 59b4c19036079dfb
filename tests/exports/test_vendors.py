"""What must hold at every vendor: each test runs against each vendor's fake."""

import json
import re

import pytest
from fakes.fake_vendor import Chaos
from vendor_worlds import WORLDS

from exports.engine.destination import Field, Operation
from exports.engine.errors import Refused, Throttled, Unavailable


@pytest.fixture(params=sorted(WORLDS))
def opened(request):
    return WORLDS[request.param]


def test_rows_arrive_with_their_values_and_a_second_time_change_nothing(opened):
    with opened() as world:
        world.prepared()
        for _ in range(2):
            results = world.send(world.rows(130))
            assert {result.status for result in results.values()} == {"ok"}
        stored = world.fake.stored()
        assert sorted(stored) == [row.key for row in world.rows(130)]
        assert all(
            stored[row.key][world.first_name] == row.fields[world.first_name] for row in world.rows(130)
        )


def test_fields_that_are_not_named_stay_and_none_empties(opened):
    with opened() as world:
        world.prepared().send(world.rows(1))
        name = next(iter(world.extra), None)
        row = world.row(1)
        partial = {k: v for k, v in row.fields.items() if k != name}
        world.send(
            [world.row(1, fields={world.first_name: "Neu"})]
            if not name
            else [type(row)(row.key, row.identity, fields={**partial, world.first_name: "Neu"})]
        )
        stored = world.fake.stored()[row.key]
        assert stored[world.first_name] == "Neu"
        if name:
            assert str(stored[name]) == str(world.extra[name])
            world.send([world.row(1, fields={name: None})])
            assert world.fake.stored()[row.key].get(name) in (None, "", False)


def test_a_bad_row_is_rejected_alone_with_the_vendors_reason(opened):
    with opened() as world:
        if not world.invalid_email:
            return
        rows = [*world.prepared().rows(3), world.row(4, email=world.invalid_email), world.row(5)]
        results = world.send(rows)
        assert results["c_0004"].status == "rejected" and results["c_0004"].reason
        assert {results[row.key].status for row in rows if row.key != "c_0004"} == {"ok"}
        assert "c_0004" not in world.fake.stored()


def test_lost_answers_and_refusals_lose_nothing_and_double_nothing(opened):
    with opened(chaos=Chaos(seed=3, lost=0.2, throttled=0.15, unavailable=0.15)) as world:
        calm, world.fake.chaos = world.fake.chaos, Chaos()
        world.prepared()
        world.fake.chaos = calm
        rows = world.rows(40)
        size = 5
        for start in range(0, len(rows), size):
            assert {r.status for r in world.send(rows[start : start + size]).values()} == {"ok"}
        world.fake.chaos = Chaos()
        assert sorted(world.fake.stored()) == [row.key for row in rows]
        assert world.fake.count() == len(rows)
        assert world.fake.lost_answers > 0


def test_too_fast_says_how_long_to_wait_and_5xx_that_it_is_unsure(opened):
    with opened() as world:
        world.prepared()
        world.fake.retry_after = "7"
        world.fake.chaos = Chaos(throttled=1.0)
        with pytest.raises(Throttled) as throttled:
            world.destination.send(Operation.UPSERT, world.rows(1))
        if world.fake.tells_retry_after:
            assert throttled.value.after == 7.0
    with opened() as world:
        world.prepared()
        world.fake.chaos = Chaos(unavailable=1.0)
        with pytest.raises(Unavailable):
            world.destination.send(Operation.UPSERT, world.rows(1))


def test_an_opt_out_at_the_vendor_survives_every_write(opened):
    with opened() as world:
        rows = world.prepared().rows(3)
        world.send(rows)
        world.fake.opt_out("person2@example.org")
        world.send([world.row(2, fields={world.first_name: "Neu"})])
        assert world.fake.opted_out("person2@example.org")
        assert not world.fake.opted_out("person1@example.org")
        for operation in (Operation.ARCHIVE, Operation.RESTORE, Operation.DELETE):
            if operation in world.destination.capabilities.operations:
                world.send([world.row(2)], operation)
                assert world.fake.opted_out("person2@example.org"), operation


def test_opt_outs_are_pulled_once_with_their_moment(opened):
    with opened() as world:
        world.prepared().send(world.rows(3))
        assert world.pull()[0] == []
        world.fake.opt_out("person2@example.org")
        moment = world.fake.clock.now
        items, cursor = world.pull()
        assert [(item.identity, item.channel, item.kind) for item in items] == [
            ("person2@example.org", "email", "unsubscribe")
        ]
        assert items[0].key in ("c_0002", None)
        assert items[0].occurred_at.isoformat()[:19] == moment[:19]
        # A later write must not make a new event of it, and later pulls go on from the cursor.
        world.send([world.row(2, fields={world.first_name: "Neu"})])
        again, cursor = world.pull(cursor)
        assert {item.event_id for item in again} <= {items[0].event_id}
        world.fake.opt_out("person3@example.org")
        later, _ = world.pull(cursor)
        assert {item.identity for item in later} - {"person2@example.org"} == {"person3@example.org"}


def test_a_withdrawal_opts_out_and_creates_nobody(opened):
    with opened() as world:
        world.prepared().send(world.rows(2))
        before = world.fake.count()
        results = world.send([world.row(1), world.row(9)], Operation.WITHDRAW)
        assert {result.status for result in results.values()} == {"ok"}
        assert world.fake.opted_out("person1@example.org")
        assert not world.fake.opted_out("person2@example.org")
        assert world.fake.count() == before
        post = world.send([world.row(2, channel="post")], Operation.WITHDRAW)
        assert post["c_0002"].status == "rejected" and "post" in post["c_0002"].reason


@pytest.mark.parametrize("operation", [Operation.ARCHIVE, Operation.DELETE, Operation.ERASE])
def test_removals_can_be_repeated_and_leave_others_alone(opened, operation):
    with opened() as world:
        if operation not in world.destination.capabilities.operations:
            return
        world.prepared().send(world.rows(3))
        for _ in range(2):
            results = world.send([world.row(2), world.row(9)], operation)
            assert {result.status for result in results.values()} == {"ok"}
        assert {"c_0001", "c_0003"} <= set(world.fake.stored())
        assert world.fake.gone("c_0002", operation)
        assert not world.fake.gone("c_0001", operation)


def test_a_merge_leaves_the_winner_and_a_split_brings_the_loser_back(opened):
    with opened() as world:
        if Operation.MERGE not in world.destination.capabilities.operations:
            return
        world.prepared().send(world.rows(2))
        loser = world.row(2, into=world.row(1))
        for _ in range(2):
            assert world.send([loser], Operation.MERGE)["c_0002"].status == "ok"
        assert world.fake.gone("c_0002", Operation.MERGE) and not world.fake.gone("c_0001", Operation.MERGE)
        if Operation.RESTORE in world.destination.capabilities.operations:
            assert world.send([world.row(2)], Operation.RESTORE)["c_0002"].status == "ok"
            assert not world.fake.gone("c_0002", Operation.MERGE)


def test_fields_are_created_and_read_back(opened):
    with opened() as world:
        if not world.made_field:
            return
        assert all(finding.good for finding in world.destination.check(world.fields))
        assert world.made_field.name not in world.destination.existing_fields()
        world.prepared()
        assert world.made_field.name in world.destination.existing_fields()
        other = "date" if world.made_field.type != "date" else "boolean"
        wrong = [
            finding
            for finding in world.destination.check([Field(world.made_field.name, other)])
            if not finding.good
        ]
        assert world.made_field.name in wrong[0].text and "accepted" in wrong[0].text


def test_a_field_that_cannot_be_read_back_stops_the_run(opened, monkeypatch):
    with opened() as world:
        if not world.made_field:
            return
        existing = world.destination.existing_fields()
        monkeypatch.setattr(world.destination, "existing_fields", lambda: existing)
        findings = [f.text for f in world.destination.prepare(world.fields) if not f.good]
        assert any(world.made_field.name in text and "read back" in text for text in findings)


def test_subscription_states_are_never_written(opened):
    with opened() as world:
        for name in world.denied:
            findings = world.destination.prepare([*world.fields, Field(name, "text")])
            assert [f for f in findings if not f.good and repr(name) in f.text], name
        world.prepared()
        states = dict.fromkeys(world.denied, "smuggled")
        world.send([world.row(1, fields=states)])
        sent = "\n".join(request.content.decode("utf-8", "replace") for request in world.fake.log[-20:])
        assert "smuggled" not in sent


def test_no_request_subscribes_anybody(opened):
    with opened() as world:
        world.prepared().send(world.rows(4))
        world.send([world.row(1, email="new1@example.org", previous_identity="person1@example.org")])
        for operation in sorted(world.destination.capabilities.operations - {Operation.UPSERT}):
            into = world.row(3) if operation is Operation.MERGE else None
            world.send([world.row(2, into=into)], operation)
        world.pull()
        world.destination.check(world.fields)
        for request in world.fake.log:
            content = request.content.decode("utf-8", "replace")
            text = f"{request.method} {request.path}?{json.dumps(request.query)} {content}"
            for pattern in world.forbidden:
                assert not re.search(pattern, text), (pattern, text[:300])


def test_a_changed_address_does_not_leave_two_contacts_in_use(opened):
    with opened() as world:
        world.prepared().send(world.rows(2))
        moved = world.row(1, email="moved@example.org", previous_identity="person1@example.org")
        assert world.send([moved])["c_0001"].status == "ok"
        assert world.fake.in_use("moved@example.org") and not world.fake.in_use("person1@example.org")


def test_the_check_tells_wrong_credentials_without_naming_them(opened):
    with opened() as world:
        good = world.destination.check(world.fields)
        assert good and all(finding.good for finding in good)
        world.fake.token = "another"
        findings = world.destination.check(world.fields)
        assert not all(finding.good for finding in findings)
        assert not any("test-secret" in f.text or "pat-test" in f.text for f in findings)
        with pytest.raises(Refused):
            world.destination.send(Operation.UPSERT, world.rows(1))


def test_found_contacts_bear_our_keys(opened):
    with opened() as world:
        if not world.destination.capabilities.can_find:
            return
        world.prepared().send(world.rows(3))
        found = world.destination.find([world.row(1), world.row(3), world.row(9)], [world.first_name])
        assert sorted(found) == ["c_0001", "c_0003"]
        assert found["c_0003"].fields[world.first_name] == "Name 3"
        assert not found["c_0003"].archived
