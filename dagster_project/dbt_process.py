"""dbt as a process of its own, started without what dagster-dbt prepares for features that we do not use."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from dagster_dbt import DbtCliResource
from packaging.version import Version


class Dbt(DbtCliResource):
    """`DbtCliResource` that knows its dbt: no `dbt --version`, no second adapter in this process.

    `dbt --version` takes seconds and asks the package index for news. The adapter loads all of dbt once more,
    for `fetch_row_counts` and `fetch_column_metadata`, which give nothing here.
    """

    @property
    def _cli_version(self) -> Version:
        return Version(version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> None:  # type: ignore[override]  # noqa: ARG002
        return None
