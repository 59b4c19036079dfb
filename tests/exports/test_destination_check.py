"""`stammkunde destination check`: what it finds, what it says, and that it changes nothing."""

import pytest
from typer.testing import CliRunner
from vendor_worlds import WORLDS

from dagster_project.cli import app
from exports.destinations import registry
from exports.destinations.check import check_destination
from stammkunde.errors import ConfigError

SYNC = """
name: contacts
exposure: contacts
model: customer_360
key: customer_id
identity: email
mapping: {customer_id: cdp_id, email: email, last_name: lastname, first_seen_at: cdp_first_seen}
consent: {channel: email, purpose: marketing}
destination: crm
"""


@pytest.fixture
def files(tmp_path, monkeypatch):
    """files(url): a destination crm of kind hubspot there, and a sync that goes to it."""

    def make(url):
        destinations, syncs = tmp_path / "destinations.yml", tmp_path / "syncs"
        syncs.mkdir()
        (syncs / "contacts.yml").write_text(SYNC)
        destinations.write_text(
            f"crm: {{kind: hubspot, access_token: '${{CRM_TOKEN}}', base_url: '{url}'}}\n"
            "store: {kind: folder, path: /nowhere}\n"
        )
        return destinations, syncs

    monkeypatch.setenv("CRM_TOKEN", "pat-test")
    return make


def test_it_asks_for_the_fields_of_every_sync_and_changes_nothing(files, home, publish_customers):
    publish_customers()
    with WORLDS["hubspot"]() as world:
        places = files(world.fake.url)
        findings, syncs = check_destination("crm", home, *places)
        assert syncs == ["contacts"]
        assert all(finding.good for finding in findings)
        assert any("cdp_first_seen" in finding.text and "missing" in finding.text for finding in findings)
        assert "cdp_first_seen" not in world.fake.properties
        world.fake.scopes.remove("crm.objects.contacts.write")
        findings, _ = check_destination("crm", home, *places)
        assert [f.text for f in findings if not f.good] == [
            "hubspot: scopes missing: crm.objects.contacts.write"
        ]


def test_a_server_that_does_not_answer_is_a_finding(files, home, publish_customers):
    publish_customers()
    findings, _ = check_destination("crm", home, *files("http://127.0.0.1:9"))
    assert [finding.good for finding in findings] == [False] and "no answer" in findings[0].text


def test_a_missing_secret_names_the_variable_and_the_file(files, home, monkeypatch):
    destinations, syncs = files("http://127.0.0.1:9")
    monkeypatch.delenv("CRM_TOKEN")
    with pytest.raises(ConfigError, match=r"crm\.access_token needs the environment variable CRM_TOKEN"):
        check_destination("crm", home, destinations, syncs)
    with pytest.raises(ConfigError, match=r"did you mean .crm."):
        check_destination("cmr", home, destinations, syncs)


def test_the_command_marks_what_is_bad_and_fails(files, home, monkeypatch):
    destinations, syncs = files("http://127.0.0.1:9")
    monkeypatch.setenv("STAMMKUNDE_HOME", str(home.root))
    monkeypatch.setattr(check_destination, "__defaults__", (destinations, syncs))
    monkeypatch.setattr(registry.named_kinds, "__defaults__", (destinations,))
    result = CliRunner().invoke(app, ["destination", "check", "store"])
    assert result.exit_code == 1 and "BAD folder: /nowhere is not there" in result.output
    result = CliRunner().invoke(app, ["destination", "list"])
    assert "crm: hubspot" in result.output and "brevo" in result.output


def test_every_kind_can_be_loaded_and_refuses_unknown_keys(tmp_path):
    path = tmp_path / "destinations.yml"
    for kind in (*registry.ROW_KINDS, *registry.FILE_KINDS):
        path.write_text(f"there: {{kind: {kind}, nonsense: 1}}\n")
        with pytest.raises(ConfigError, match=r"unknown key 'there.nonsense'"):
            registry.load_destinations(path)
