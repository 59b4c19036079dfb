"""A small demo retailer and one undisturbed run of everything, made once for all tests of this folder."""

from __future__ import annotations

import pytest
from installation import Installation, new_demo


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """After one undisturbed run. Tests read it or run it again; they do not change its sources."""
    installation = new_demo(tmp_path_factory.mktemp("demo"))
    installation.must("run")
    return installation
