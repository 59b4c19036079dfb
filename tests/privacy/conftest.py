"""A small retailer: four sources as files and a database, one warehouse made by hand, one publication."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from privacy_world import World, build_world, opened


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("privacy")
    build_world(root)
    return root


@pytest.fixture
def world(built: Path, tmp_path: Path) -> World:
    """A copy of its own for every test."""
    root = tmp_path / "retailer"
    shutil.copytree(built, root, symlinks=True)
    return opened(root)
