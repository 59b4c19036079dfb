"""Rules of single vendors."""

import pytest
from vendor_worlds import WORLDS

from exports.destinations import rest
from exports.engine.destination import Field, Operation
from exports.engine.errors import JobLost, Refused


def test_hubspot_adopts_a_contact_with_the_address_but_never_anothers():
    with WORLDS["hubspot"]() as world:
        existing = world.fake.add(email="person1@example.org", firstname="Alt")
        world.prepared()
        results = world.send([world.row(1), world.row(2)])
        assert results["c_0001"].status == "ok" and results["c_0001"].created is False
        assert results["c_0001"].remote_id == existing and results["c_0002"].created is True
        assert world.fake.stored()["c_0001"]["firstname"] == "Name 1"
        taken = world.send([world.row(3, email="person1@example.org")])["c_0003"]
        assert taken.status == "rejected" and "another customer" in taken.reason
        assert world.fake.stored()["c_0001"]["firstname"] == "Name 1"


def test_hubspot_withdraws_the_address_that_hubspot_has_too():
    with WORLDS["hubspot"]() as world:
        world.prepared().send([world.row(1)])
        world.fake.contacts["101"]["properties"]["email"] = "changed@example.org"
        world.send([world.row(1)], Operation.WITHDRAW)
        assert set(world.fake.unsubscribed) == {"changed@example.org", "person1@example.org"}


@pytest.mark.parametrize("count", [0, 3])
def test_hubspot_tells_missing_scopes(count):
    with WORLDS["hubspot"]() as world:
        removed = sorted(world.fake.scopes)[:count]
        world.fake.scopes = [scope for scope in world.fake.scopes if scope not in removed]
        bad = [finding.text for finding in world.destination.check([]) if not finding.good]
        assert bad == ([f"hubspot: scopes missing: {', '.join(removed)}"] if removed else [])


def test_hubspot_pulls_bounces_apart_from_opt_outs_over_pages():
    with WORLDS["hubspot"]() as world:
        world.prepared().send(world.rows(230))
        for number in range(1, 231):
            world.fake.opt_out(f"person{number}@example.org")
        world.fake.opt_out("person5@example.org", "hs_email_hard_bounce_reason_enum", "UNKNOWN_USER")
        items, _ = world.pull()
        assert len({item.event_id for item in items}) == 231
        assert [item.key for item in items if item.kind == "bounce"] == ["c_0005"]


def test_brevo_says_which_rows_an_import_has_dropped_or_cut():
    with WORLDS["brevo"]() as world:
        world.prepared()
        results = world.send([world.row(1), world.row(2, fields={"UNKNOWN": "x"}), world.row(3, email="bad")])
        assert results["c_0001"].status == "ok"
        assert "not all of its values" in results["c_0002"].reason
        assert "dropped" in results["c_0003"].reason


def test_brevo_pulls_who_left_the_list():
    with WORLDS["brevo"]() as world:
        world.prepared().send(world.rows(2))
        contact = world.fake.contacts["person2@example.org"]
        contact.update(listUnsubscribed=[3], modifiedAt=world.fake.clock.tick())
        assert [item.identity for item in world.pull()[0]] == ["person2@example.org"]


@pytest.mark.parametrize("vendor", ["brevo", "mailchimp", "klaviyo", "salesforce"])
def test_a_job_that_the_vendor_does_not_know_is_lost(vendor):
    with WORLDS[vendor]() as world:
        world.prepared()
        job = '{"processes": [999], "since": ""}' if vendor == "brevo" else "999"
        with pytest.raises(JobLost):
            world.destination.poll(job, world.rows(1))


@pytest.mark.parametrize("vendor", ["brevo", "mailchimp", "klaviyo", "salesforce", "listmonk"])
def test_open_jobs_are_told_until_they_are_done(vendor):
    with WORLDS[vendor]() as world:
        rows = world.prepared().rows(2)
        assert list(world.destination.open_jobs()) == []
        world.destination.send(Operation.UPSERT, rows)
        (job,) = world.destination.open_jobs()
        while world.destination.poll(job, rows) is None:
            pass
        assert list(world.destination.open_jobs()) == []


def test_mailchimp_does_not_take_back_who_was_deleted_for_good():
    with WORLDS["mailchimp"]() as world:
        world.prepared().send(world.rows(1))
        world.send(world.rows(1), Operation.ERASE)
        result = world.send(world.rows(1))["c_0001"]
        assert result.status == "rejected" and "Forgotten Email" in result.reason


def test_mailchimp_pulls_bounces_and_complaints():
    with WORLDS["mailchimp"]() as world:
        world.prepared().send(world.rows(3))
        world.fake.opt_out("person1@example.org", "cleaned")
        world.fake.abuse.append(
            {"id": 7, "email_address": "person2@example.org", "date": world.fake.clock.tick()}
        )
        kinds = {item.identity: item.kind for item in world.pull()[0]}
        assert kinds == {"person1@example.org": "bounce", "person2@example.org": "complaint"}


def test_mailchimp_names_tags_that_are_too_long():
    with WORLDS["mailchimp"]() as world:
        bad = [f.text for f in world.destination.prepare([Field("LIFECYCLE_STAGE", "text")]) if not f.good]
        assert bad == ["mailchimp: LIFECYCLE_STAGE: a merge tag has at most 10 characters"]


def test_klaviyo_finds_failed_rows_with_and_without_their_payload():
    with WORLDS["klaviyo"]() as world:
        rows = [world.row(n, email="bad" if n in (2, 3) else f"person{n}@example.org") for n in range(1, 6)]
        results = world.prepared().send(rows)
        assert sorted(k for k, r in results.items() if r.status == "rejected") == ["c_0002", "c_0003"]
        assert {results[k].reason for k in ("c_0002", "c_0003")} == {"Invalid email address"}


@pytest.mark.parametrize(("reason", "kind"), [("SPAM_COMPLAINT", "complaint"), ("HARD_BOUNCE", "bounce")])
def test_klaviyo_tells_kinds_of_suppression(reason, kind):
    with WORLDS["klaviyo"]() as world:
        world.prepared().send(world.rows(1))
        world.fake.opt_out("person1@example.org", reason)
        assert [item.kind for item in world.pull()[0]] == [kind]


def test_salesforce_tells_the_reason_of_each_row_and_quotes_its_csv():
    with WORLDS["salesforce"]() as world:
        world.prepared()
        results = world.send([world.row(1), world.row(2, fields={"LastName": None}), world.row(3)])
        assert "REQUIRED_FIELD_MISSING" in results["c_0002"].reason
        assert world.fake.stored()["c_0003"]["LastName"] == "Weiß, A."


def test_salesforce_sets_the_flag_of_the_channel():
    with WORLDS["salesforce"]() as world:
        world.prepared().send(world.rows(1))
        world.send([world.row(1, channel="phone")], Operation.WITHDRAW)
        record = world.fake.stored()["c_0001"]
        assert record["DoNotCall"] and not record["HasOptedOutOfEmail"]


def test_listmonk_keeps_attributes_that_others_have_set():
    with WORLDS["listmonk"]() as world:
        world.prepared().send(world.rows(1))
        world.fake.people["person1@example.org"]["attribs"]["shoe_size"] = 42
        world.send([world.row(1, fields={"clv": 99.0})])
        assert world.fake.stored()["c_0001"]["shoe_size"] == 42
        assert world.fake.stored()["c_0001"]["clv"] == 99.0


def test_listmonk_pulls_bounces_once():
    with WORLDS["listmonk"]() as world:
        world.prepared().send(world.rows(1))
        for number, type_ in enumerate(("soft", "hard", "complaint"), 1):
            world.fake.bounces.append({"id": number, "email": "person1@example.org", "type": type_,
                                       "created_at": world.fake.clock.tick()})  # fmt: skip
        items, cursor = world.pull()
        assert [item.kind for item in items] == ["bounce", "complaint"]
        assert world.pull(cursor)[0] == []


def test_odoo_wants_own_fields_to_begin_with_x():
    with WORLDS["odoo"]() as world:
        bad = [f.text for f in world.destination.prepare([Field("clv", "number")]) if not f.good]
        assert bad == ["odoo: clv: cannot be created: a field that Odoo does not know must begin with x_"]


def test_odoo_refuses_a_wrong_key():
    with WORLDS["odoo"]() as world:
        world.fake.token = "another"
        with pytest.raises(Refused, match="API key"):
            world.destination.find(world.rows(1), [])


@pytest.mark.parametrize("place", ["body", "row"])
def test_rest_refuses_templates_with_a_subscription_state(place):
    upsert = {"path": "/c", place: {"contact": {"Status": "subscribed"}}}
    with pytest.raises(ValueError, match="'status' is a subscription state"):
        rest.Settings(kind="rest", base_url="http://x", token="t", check_path="/", upsert=upsert,
                      withdraw={"path": "/w"})  # fmt: skip


def test_rest_quotes_what_it_puts_into_a_path():
    with WORLDS["rest"]() as world:
        world.prepared().send([world.row(1, key="a/b?c")])
        assert world.send([world.row(1, key="a/b?c")], Operation.ERASE)["a/b?c"].status == "ok"
        assert world.fake.log[-1].path == "/contacts/a%2Fb%3Fc" and world.fake.stored() == {}


def test_brevo_reads_many_rows_back_in_pages():
    with WORLDS["brevo"]() as world:
        world.prepared().send(world.rows(130))
        assert [
            r.path for r in world.fake.log if r.method == "GET" and r.path.startswith("/contacts/person")
        ] == []
