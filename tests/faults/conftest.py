"""The small retailer of tests/operations, for faults that are no kills."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "operations"))
from small_home import BAD, GOOD, SmallRetailer


@pytest.fixture
def retailer(tmp_path: Path) -> SmallRetailer:
    made = SmallRetailer(tmp_path)
    made.file("a.csv", GOOD, BAD)
    made.file("b.csv", GOOD.replace("M1", "M3"))
    made.file("c.csv", GOOD.replace("M1", "M4"))
    return made
