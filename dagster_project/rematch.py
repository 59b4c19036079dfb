"""Matching on a copy of the warehouse, for previews: the dbt models of identity, then the scores."""

from __future__ import annotations

import os
import subprocess
from datetime import date
from pathlib import Path

import duckdb

from dagster_project.environments import DBT_DIRECTORY, dbt_executable
from dagster_project.resources import dbt_vars
from ml.identity.weights.score import score_pairs
from stammkunde.config import Config
from stammkunde.errors import UserError
from stammkunde.matching import load_matching

SELECTION = ["--select", "path:models/intermediate/identity", "path:seeds", "--exclude", "int_source_records"]


def rematch(copy: Path, config: Config, as_of: date) -> None:
    """Builds the models of identity anew in the copy, which holds `int_source_records`, and scores the pairs.

    Raises UserError with dbt's words when they cannot be built.
    """
    done = subprocess.run(
        [
            dbt_executable(), "--quiet", "build", *SELECTION,
            "--resource-type", "model", "--resource-type", "seed",
            "--vars", dbt_vars(config, as_of),
            "--project-dir", str(DBT_DIRECTORY), "--profiles-dir", str(DBT_DIRECTORY),
            "--target-path", str(copy.parent / "dbt_target"), "--log-path", str(copy.parent / "logs"),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "STAMMKUNDE_WAREHOUSE": str(copy)},
    )  # fmt: skip
    if done.returncode != 0:
        raise UserError(f"dbt cannot build the models of identity:\n{done.stdout}{done.stderr}")
    with duckdb.connect(str(copy)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        score_pairs(connection, load_matching(), as_of)
