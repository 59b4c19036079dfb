"""Every vendor with its fake, as the tests open it."""

from contextlib import contextmanager

from fakes.fake_brevo import FakeBrevo
from fakes.fake_hubspot import FakeHubSpot
from fakes.fake_klaviyo import FakeKlaviyo
from fakes.fake_listmonk import FakeListmonk
from fakes.fake_mailchimp import FakeMailchimp
from fakes.fake_odoo import FakeOdoo
from fakes.fake_rest import FakeRest
from fakes.fake_salesforce import FakeSalesforce
from vendor_world import World

from exports.destinations import brevo, hubspot, klaviyo, listmonk, mailchimp, odoo, rest, salesforce
from exports.engine.destination import Field


@contextmanager
def hubspot_world(**named):
    with FakeHubSpot(**named).serving() as fake:
        settings = hubspot.Settings(kind="hubspot", access_token="pat-test", base_url=fake.url)
        yield World(
            fake,
            hubspot.connect(settings),
            "firstname",
            [Field("firstname", "text"), Field("email", "text"), Field("cdp_clv", "number")],
            ["hs_email_optout", "hs_legal_basis"],
            [
                r"hs_email_optout.{0,20}false",
                r"statuses(?!/batch/unsubscribe-all)",
                "SUBSCRIBED",
                r"/subscribe\b",
                "resubscribe",
            ],
            made_field=Field("cdp_clv", "number"),
            extra={"cdp_clv": 12.5},
        )


@contextmanager
def brevo_world(**named):
    with FakeBrevo(**named).serving() as fake:
        settings = brevo.Settings(
            kind="brevo",
            api_key="test-secret",
            list_id=3,
            poll_seconds=0.01,
            requests_per_second=1000,
            other_requests_per_hour=10_000,
            base_url=fake.url,
        )
        yield World(
            fake,
            brevo.connect(settings),
            "FIRSTNAME",
            [Field("FIRSTNAME", "text"), Field("CLV", "number")],
            ["emailBlacklisted", "smsBlacklisted", "OPT_IN"],
            [r"lacklist(ed)?\\?\"?: ?false", "doubleOptin", "/contacts/lists/.*/add", "^POST /contacts\\?"],
            made_field=Field("CLV", "number"),
            email_field=None,
            extra={"CLV": 12.5},
        )


@contextmanager
def mailchimp_world(**named):
    with FakeMailchimp(**named).serving() as fake:
        settings = mailchimp.Settings(
            kind="mailchimp", api_key="test-secret-us1", list_id="l1", poll_seconds=0.01, base_url=fake.url
        )
        yield World(
            fake,
            mailchimp.connect(settings),
            "FNAME",
            [Field("FNAME", "text"), Field("CLV", "number")],
            ["status", "status_if_new", "interests", "marketing_permissions"],
            [
                r'^(?!GET).*status\\?": ?\\?"(?!unsubscribed)',
                "update_existing",
                r"POST /lists/l1\?",
                "sync_existing",
            ],
            made_field=Field("CLV", "number"),
            email_field=None,
            extra={"CLV": 12.5},
        )


@contextmanager
def klaviyo_world(**named):
    with FakeKlaviyo(**named).serving() as fake:
        settings = klaviyo.Settings(
            kind="klaviyo", api_key="test-secret", list_id="L1", poll_seconds=0.01, base_url=fake.url
        )
        yield World(
            fake,
            klaviyo.connect(settings),
            "first_name",
            [Field("first_name", "text"), Field("clv", "number")],
            ["subscriptions", "$consent", "consent"],
            [
                r'"SUBSCRIBED"',
                "subscription-bulk-create",
                "suppression-bulk-delete",
                r"/relationships/profiles.*POST",
            ],
            extra={"clv": 12.5},
        )


@contextmanager
def salesforce_world(**named):
    with FakeSalesforce(**named).serving() as fake:
        settings = salesforce.Settings(
            kind="salesforce",
            base_url=fake.url,
            client_id="app",
            client_secret="test-secret",
            poll_seconds=0.01,
        )
        yield World(
            fake,
            salesforce.connect(settings),
            "FirstName",
            [
                Field("FirstName", "text"),
                Field("LastName", "text"),
                Field("Email", "text"),
                Field("CLV__c", "number"),
            ],
            ["HasOptedOutOfEmail", "DoNotCall"],
            [r'(HasOptedOutOfEmail|DoNotCall)"?: ?false', r"^PUT.*OptedOut"],
            made_field=Field("CLV__c", "number"),
            email_field="Email",
            extra={"CLV__c": 12.5, "LastName": "Weiß, A."},
        )


@contextmanager
def listmonk_world(**named):
    with FakeListmonk(**named).serving() as fake:
        settings = listmonk.Settings(
            kind="listmonk",
            base_url=fake.url,
            api_user="cdp",
            api_token="test-secret",
            list_id=5,
            poll_seconds=0.01,
        )
        yield World(
            fake,
            listmonk.connect(settings),
            "name",
            [Field("name", "text"), Field("clv", "number")],
            ["status", "lists", "overwrite", "preconfirm_subscriptions"],
            [r'"overwrite": ?true', r'overwrite_subscription_status": ?true', r'"action": ?"add"', "optin"],
            email_field=None,
            extra={"clv": 12.5},
        )


@contextmanager
def odoo_world(**named):
    with FakeOdoo(**named).serving() as fake:
        settings = odoo.Settings(
            kind="odoo", base_url=fake.url, database="crm", login="cdp", api_key="test-secret"
        )
        yield World(
            fake,
            odoo.connect(settings),
            "name",
            [Field("name", "text"), Field("email", "text"), Field("x_clv", "number")],
            ["opt_out", "is_blacklisted", "message_bounce", "list_ids"],
            [r'mail\.blacklist", "(unlink|write|action_remove|_remove)', r"mailing\.(contact|subscription)"],
            made_field=Field("x_clv", "number"),
            extra={"x_clv": 12.5},
        )


@contextmanager
def rest_world(**named):
    with FakeRest(**named).serving() as fake:
        row = {"external_id": "{key}", "email": "{identity}", "attributes": "{fields}"}
        upsert = {
            "path": "/contacts/batch",
            "batch_size": 50,
            "body": {"contacts": "{rows}"},
            "row": row,
            "results": {"items": "data.results", "key": "external_id"},
        }
        settings = rest.Settings(
            kind="rest",
            base_url=fake.url,
            token="test-secret",
            check_path="/me",
            requests=1000,
            upsert=upsert,
            withdraw={"path": "/contacts/{key}/opt-out"},
            erase={"method": "DELETE", "path": "/contacts/{key}"},
            pull={"path": "/opt-outs", "items": "data"},
        )
        yield World(
            fake,
            rest.connect(settings),
            "first_name",
            [Field("first_name", "text"), Field("clv", "number")],
            ["status", "subscribed", "opt_in", "consent"],
            [r'"(status|subscribed|opt_in|consent)"', "opt-in"],
            email_field=None,
            extra={"clv": 12.5},
        )


WORLDS = {
    "brevo": brevo_world,
    "hubspot": hubspot_world,
    "klaviyo": klaviyo_world,
    "listmonk": listmonk_world,
    "mailchimp": mailchimp_world,
    "odoo": odoo_world,
    "rest": rest_world,
    "salesforce": salesforce_world,
}
