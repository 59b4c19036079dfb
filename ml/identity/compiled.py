"""Compares pairs that were never candidates, with the very SQL that dbt ran.

Belongs here: running compiled models on other pairs. A copy of the comparisons could drift from the models;
their compiled text cannot. Does not belong here: what the comparisons mean (`explain.py`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from stammkunde.errors import UserError

CANDIDATES = "int_candidate_pairs"
PREFIX = "on_the_spot_"
"""Temporary tables of these models bear their name behind it."""


def compare(
    connection: duckdb.DuckDBPyConnection,
    target: Path,
    pairs: Sequence[tuple[str, str]],
    models: Sequence[str] = ("int_pair_comparisons",),
) -> list[str]:
    """Runs `models`, and what lies between them and the candidate pairs, on `pairs` of record ids.

    `target` is dbt's target directory of the last run. Makes the temporary table `on_the_spot_<model>` of
    each and returns their names. Works on a read-only connection to the warehouse.

    Raises UserError when the compiled models are not there or do not read the candidate pairs.
    """
    nodes = _models(target)
    order = _between(nodes, models)
    first, second = zip(*(sorted(pair) for pair in pairs), strict=True)
    connection.register(
        "asked_pair", pa.table({"record_id_a": pa.array(first), "record_id_b": pa.array(second)})
    )
    connection.execute(
        f"create or replace temp table {PREFIX}{CANDIDATES} as select distinct * from asked_pair"
    )
    connection.unregister("asked_pair")
    replaced = {nodes[CANDIDATES]["relation_name"]: f"{PREFIX}{CANDIDATES}"}
    for name in order:
        query = _compiled(target, nodes[name])
        for relation, table in replaced.items():
            query = query.replace(relation, f"temp.{table}")
        connection.execute(f"create or replace temp table {PREFIX}{name} as {query}")
        replaced[nodes[name]["relation_name"]] = f"{PREFIX}{name}"
    return [f"{PREFIX}{name}" for name in models]


def _models(target: Path) -> dict[str, dict[str, Any]]:
    manifest = target / "manifest.json"
    try:
        nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"]
    except FileNotFoundError:
        raise UserError(f"{manifest} is missing; 'stammkunde run --full' makes it") from None
    return {node["name"]: node for node in nodes.values() if node["resource_type"] in ("model", "seed")}


def _between(nodes: dict[str, dict[str, Any]], wanted: Sequence[str]) -> list[str]:
    """The models from the candidates (left out) to the wanted ones, each after those it reads."""
    order: list[str] = []
    known: dict[str, bool] = {CANDIDATES: True}

    def depends(name: str) -> bool:
        if name not in known:
            known[name] = False
            parents = [
                parent.rsplit(".", 1)[-1]
                for parent in nodes.get(name, {}).get("depends_on", {}).get("nodes", ())
            ]
            if any([depends(parent) for parent in parents]):
                known[name] = True
                order.append(name)
        return known[name]

    missing = [name for name in (CANDIDATES, *wanted) if name not in nodes or not depends(name)]
    if missing:
        raise UserError(f"dbt's manifest does not lead from {CANDIDATES} to {', '.join(missing)}")
    return order


def _compiled(target: Path, node: dict[str, Any]) -> str:
    path = target / "compiled" / node["package_name"] / node["original_file_path"]
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path} is missing; 'stammkunde run --full' makes it") from None
