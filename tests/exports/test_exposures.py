"""Every sync is declared to dbt: an exposure that depends on its mart and on the consents."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from exports.sync import SCHEMA, SYNCS, json_schema, load_syncs

EXPOSURES = Path(__file__).resolve().parents[2] / "dbt" / "models" / "exposures.yml"


def test_every_sync_has_its_exposure():
    exposures = {e["name"]: e for e in yaml.safe_load(EXPOSURES.read_text(encoding="utf-8"))["exposures"]}
    for sync in load_syncs().values():
        assert sync.exposure in exposures, f"{sync.name}: no exposure {sync.exposure!r} in {EXPOSURES.name}"
        needed = {f"ref('{sync.model}')", "ref('consent')"}
        assert needed <= set(exposures[sync.exposure]["depends_on"]), sync.name


def test_examples_load_and_fit_the_marts():
    described = yaml.safe_load(
        (EXPOSURES.parent / "marts" / "customer360" / "_customer360.yml").read_text(encoding="utf-8")
    )
    columns = {model["name"]: {c["name"] for c in model["columns"]} for model in described["models"]}
    examples = load_syncs(SYNCS / "examples")
    assert len(examples) == 3
    for sync in examples.values():
        used = {*sync.mapping, sync.key, sync.identity, *(condition.column for condition in sync.filter)}
        assert used <= columns[sync.model], sync.name


def test_the_schema_for_editors_is_current_and_accepts_what_we_accept():
    assert SCHEMA.read_text(encoding="utf-8") == json_schema(), "run `stammkunde sync schema --write`"
    schema = json.loads(json_schema())
    for directory in (SYNCS, SYNCS / "examples"):
        for path in sorted(directory.glob("*.yml")):
            jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")), schema)
    wrong = yaml.safe_load((SYNCS / "consented_customers.yml").read_text(encoding="utf-8"))
    for change in ({"maping": {}}, {"mode": "mirrored"}, {"guards": {"max_delete": 1}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**wrong, **change}, schema)
