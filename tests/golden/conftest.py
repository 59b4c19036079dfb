import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The tiny world, built. A test that builds it with other settings puts it back."""
    from golden_world import build, make_world

    warehouse = make_world(tmp_path_factory.mktemp("world"))
    build(warehouse)
    return warehouse
