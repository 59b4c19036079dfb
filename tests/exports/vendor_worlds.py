"""Every vendor with its fake, as the tests open it."""

from contextlib import contextmanager

from fakes.fake_hubspot import FakeHubSpot
from vendor_world import World

from exports.destinations import hubspot
from exports.engine.destination import Field


@contextmanager
def hubspot_world(**named):
    with FakeHubSpot(**named).serving() as fake:
        settings = hubspot.Settings(kind="hubspot", access_token="pat-test", base_url=fake.url)
        yield World(
            fake, hubspot.connect(settings), "firstname",
            [Field("firstname", "text"), Field("email", "text"), Field("cdp_clv", "number")],
            ["hs_email_optout", "hs_legal_basis"],
            [r"hs_email_optout.{0,20}false", r"statuses(?!/batch/unsubscribe-all)", "SUBSCRIBED", r"/subscribe\b",
             "resubscribe"],
            made_field=Field("cdp_clv", "number"), extra={"cdp_clv": 12.5},
        )  # fmt: skip


WORLDS = {"hubspot": hubspot_world}
