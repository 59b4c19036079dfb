"""Warehouses to build in, one per module or test as needed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sales_warehouse import Warehouse


@pytest.fixture(scope="module")
def make_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Warehouse]:
    """Makes warehouses with empty raw tables."""
    return lambda: Warehouse(tmp_path_factory.mktemp("sales") / "warehouse.duckdb")
