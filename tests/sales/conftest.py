"""Warehouses to build in, one per module or test as needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sales_warehouse import Warehouse


@pytest.fixture(scope="module")
def make_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Warehouse]]:
    """Makes warehouses with empty raw tables."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DO_NOT_TRACK", "1")
        patch.setenv("STAMMKUNDE_WAREHOUSE", "")
        yield lambda: Warehouse(tmp_path_factory.mktemp("sales") / "warehouse.duckdb")
