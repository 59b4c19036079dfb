"""Sync files: the shipped ones are right, wrong ones are explained."""

import pytest
import yaml

from exports.sync import find_sync, load_sync, load_syncs
from stammkunde.errors import ConfigError

GOOD = {
    "name": "mailing",
    "exposure": "mailing",
    "model": "customer",
    "key": "customer_id",
    "mapping": {"customer_id": "id", "email": "email"},
    "consent": {"channel": "email", "purpose": "marketing"},
    "destination": {"kind": "file", "formats": ["csv"]},
}


def write(directory, content, name="mailing.yml"):
    path = directory / name
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")
    return path


def test_shipped_syncs_load():
    assert "consented_customers" in load_syncs()
    assert find_sync("consented_customers").consent.channel == "email"


def test_good_sync(tmp_path):
    assert load_sync(write(tmp_path, GOOD)).fields == GOOD["mapping"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"maping": {}}, "unknown key 'maping'; did you mean 'mapping'?"),
        (
            {"consent": {"chanel": "email", "purpose": "marketing"}},
            "unknown key 'consent.chanel'; did you mean 'channel'?",
        ),
        (
            {"destination": {"kind": "file", "formats": ["csv"], "xyz": 1}},
            "unknown key 'destination.xyz'; known: kind",
        ),
        ({"filter": [{"column": "a", "equal": 1}]}, "unknown key 'filter.0.equal'; did you mean 'equals'?"),
        ({"consent": None}, "mailing.yml: consent:"),
        (
            {"consent": {"channel": "pigeon", "purpose": "marketing"}},
            "consent.channel: unknown word 'pigeon'",
        ),
        ({"destination": {"kind": "file", "formats": []}}, "destination.formats:"),
        ({"destination": {"kind": "fax", "formats": ["csv"]}}, "destination.kind:"),
        ({"key": "email_address"}, "the key 'email_address' must be one of the mapped columns"),
        ({"mapping": {"customer_id": "id", "email": "id"}}, "two columns are mapped to the field 'id'"),
        ({"mapping": {"customer_id": "=id"}}, "mapping.customer_id.field: String should match"),
        ({"mapping": {"customer_id; drop": "id"}}, "mapping.customer_id; drop"),
        ({"filter": [{"column": "a"}]}, "give exactly one of equals, one_of, present"),
        ({"filter": [{"column": "a", "equals": 1, "present": True}]}, "give exactly one of"),
        ({"mode": "mirrored"}, "mode: unknown word 'mirrored'; did you mean 'mirror'?"),
        ({"guards": {"max_delete": 3}}, "unknown key 'guards.max_delete'; did you mean 'max_deletes'?"),
        ({"hold_out": {"name": "a", "share_pct": 100}}, "hold_out.share_pct: Input should be less than 100"),
        ({"schedule": "daily"}, "schedule: String should match"),
        ({"destination": "crm", "key": "card_no", "identity": "email"}, "needs the key 'customer_id'"),
        ({"destination": "crm"}, "identity: name the column with the address"),
        (
            {"mapping": {"customer_id": "id", "email": {"field": "email", "wite": "fill_empty"}}},
            "unknown key 'mapping.email.wite'; did you mean 'write'?",
        ),
        ({"name": "other"}, "name: is 'other', but the file is named 'mailing'"),
    ],
)  # fmt: skip
def test_wrong_sync_is_explained_with_file_and_key(tmp_path, change, message):
    with pytest.raises(ConfigError) as caught:
        load_sync(write(tmp_path, {**GOOD, **change}))
    assert message in str(caught.value) and str(tmp_path / "mailing.yml") in str(caught.value)


def test_consent_may_not_be_left_out(tmp_path):
    with pytest.raises(ConfigError, match="consent: Field required"):
        load_sync(write(tmp_path, {k: v for k, v in GOOD.items() if k != "consent"}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "line 1: not valid YAML"),
        ("- a", "expected keys such as 'name'"),
        ("", "mapping: Field required"),
    ],
)
def test_not_a_sync(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        load_sync(write(tmp_path, text))


def test_missing_file_and_unknown_name(tmp_path):
    with pytest.raises(ConfigError, match="cannot read the settings"):
        load_sync(tmp_path / "none.yml")
    with pytest.raises(ConfigError, match=r"no such sync; did you mean 'consented_customers'\?"):
        find_sync("consented_customer")
