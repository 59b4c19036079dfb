"""The dbt project as Dagster sees it: its manifest and how models become assets.

The manifest is parsed once and reused until a file of the dbt project changes, because parsing takes longer
than loading all other definitions.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject

from dagster_project.environments import DBT_DIRECTORY, dbt_executable
from stammkunde.errors import UserError
from stammkunde.files import write_atomically

_SOURCES = ("*.yml", "*.sql", "*.csv")


def project_fingerprint(directory: Path = DBT_DIRECTORY) -> str:
    """SHA-256 over all files of the dbt project that make a difference to its manifest."""
    digest = hashlib.sha256()
    for pattern in _SOURCES:
        for path in sorted(directory.rglob(pattern)):
            relative = path.relative_to(directory)
            if relative.parts[0] not in ("target", "logs"):
                digest.update(f"{relative}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def ensure_manifest(directory: Path = DBT_DIRECTORY) -> Path:
    """Path of the manifest; parses the project if it changed since the last time.

    Raises UserError with dbt's own words when the project cannot be parsed.
    """
    manifest = directory / "target" / "manifest.json"
    stamp = directory / "target" / "manifest.fingerprint"
    fingerprint = project_fingerprint(directory)
    if manifest.exists() and stamp.exists() and stamp.read_text() == fingerprint:
        return manifest
    (directory / "target").mkdir(exist_ok=True)
    result = subprocess.run(
        [
            dbt_executable(),
            "--quiet",
            "parse",
            "--project-dir",
            str(directory),
            "--profiles-dir",
            str(directory),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "DBT_TARGET_PATH": str(directory / "target")},
    )
    if result.returncode != 0:
        raise UserError(f"dbt cannot parse {directory}:\n{result.stdout}{result.stderr}")
    write_atomically(stamp, fingerprint.encode(), mode=0o644)
    return manifest


def dbt_project() -> DbtProject:
    """The dbt project with a manifest that is current."""
    ensure_manifest()
    return DbtProject(project_dir=DBT_DIRECTORY, profiles_dir=DBT_DIRECTORY)


def read_manifest() -> dict[str, Any]:
    """The parsed manifest."""
    return json.loads(ensure_manifest().read_text(encoding="utf-8"))  # type: ignore[no-any-return]


class StammkundeTranslator(DagsterDbtTranslator):
    """dbt models become assets keyed `schema/name`, grouped by stage, owned by the data team."""

    def __init__(self) -> None:
        super().__init__(
            settings=DagsterDbtTranslatorSettings(enable_asset_checks=True, enable_code_references=False)
        )

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = manifest["nodes"].get(unique_id) or manifest["sources"].get(unique_id)
        if node is None:
            return spec
        return spec.replace_attributes(
            key=dg.AssetKey([node["schema"], node["name"]]),
            group_name=node["schema"] if node["resource_type"] != "source" else spec.group_name,
            owners=["team:data-engineering"],
        )
