"""A file export that is delivered: brought once, again when it changes, tried again when it failed."""

from datetime import date

import pytest
from mailing_sync import sync

from exports.run import export
from stammkunde.errors import ConfigError

AS_OF = date(2026, 11, 20)


@pytest.fixture
def delivered(home, publish_customers, tmp_path):
    """delivered(): exports and returns the files in the agency's folder."""
    publish_customers()
    target = tmp_path / "agency"
    target.mkdir()
    destinations = tmp_path / "destinations.yml"
    destinations.write_text(f"agency: {{kind: folder, path: {target}}}\n")
    chosen = sync(destination={"kind": "file", "formats": ["csv", "jsonl"], "deliver_to": "agency"})

    def run() -> dict[str, int]:
        export(chosen, home, AS_OF, destinations=destinations)
        return {path.name: path.stat().st_mtime_ns for path in target.iterdir()}

    run.target, run.config = target, destinations
    return run


def test_files_are_brought_once_and_again_when_they_change(delivered, publish_customers):
    first = delivered()
    assert set(first) == {"mailing.csv", "mailing.jsonl", "manifest.json"}
    assert delivered() == first
    publish_customers(consents=[("c_2", "email", "marketing", "granted")])
    assert delivered() != first
    assert "c_2" in (delivered.target / "mailing.csv").read_text()


def test_a_failed_delivery_is_made_up_for(delivered):
    right = delivered.config.read_text()
    delivered.config.write_text("other: {kind: folder, path: /tmp}\n")
    with pytest.raises(ConfigError, match="there is no destination 'agency'"):
        delivered()
    delivered.config.write_text(right)
    assert "mailing.csv" in delivered()
