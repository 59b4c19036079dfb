"""One small retailer per test."""

from pathlib import Path

import pytest
from small_home import BAD, GOOD, SmallRetailer


@pytest.fixture
def retailer(tmp_path: Path) -> SmallRetailer:
    made = SmallRetailer(tmp_path)
    made.file("members.csv", GOOD, BAD)
    return made
