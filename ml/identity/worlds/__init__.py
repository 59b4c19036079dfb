"""Made-up worlds with known truth: source records to learn from and to be measured on.

A world is drawn from `WorldSettings` and a seed. It looks like `identity.int_source_records` and knows which
records are one person or company. It shares no code with the demo retailer, so that what is learned or tuned
on the one is measured on the other.
"""

from ml.identity.worlds.schema import SCHEMA, TRUTH_SCHEMA
from ml.identity.worlds.settings import PRESETS, SourceSettings, WorldSettings, varied
from ml.identity.worlds.world import World, make_world

__all__ = [
    "PRESETS",
    "SCHEMA",
    "TRUTH_SCHEMA",
    "SourceSettings",
    "World",
    "WorldSettings",
    "make_world",
    "varied",
]
