"""Every sync is declared to dbt: an exposure that depends on its mart and on the consents."""

from pathlib import Path

import yaml

from exports.sync import load_syncs

EXPOSURES = Path(__file__).resolve().parents[2] / "dbt" / "models" / "exposures.yml"


def test_every_sync_has_its_exposure():
    exposures = {e["name"]: e for e in yaml.safe_load(EXPOSURES.read_text(encoding="utf-8"))["exposures"]}
    for sync in load_syncs().values():
        assert sync.exposure in exposures, f"{sync.name}: no exposure {sync.exposure!r} in {EXPOSURES.name}"
        needed = {f"ref('{sync.model}')", "ref('consent')"}
        assert needed <= set(exposures[sync.exposure]["depends_on"]), sync.name
