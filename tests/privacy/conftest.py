"""A small retailer: four sources as files and a database, one warehouse made by hand, one publication."""

from __future__ import annotations

import pytest
from privacy_world import World, build_world


@pytest.fixture
def world(tmp_path) -> World:
    return build_world(tmp_path)
