"""`config/stewardship.yml`: how much identity may change in a run, and what is put before stewards."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from ml.identity.stability import Stability
from stammkunde.home import PROJECT_ROOT
from stammkunde.settings import Section, read_settings

DEFAULT_PATH = PROJECT_ROOT / "config" / "stewardship.yml"


class Review(Section):
    """Which pairs are uncertain: those within so many bits of the threshold."""

    bits_around_threshold: float = Field(default=4.0, gt=0, le=20)


class Stewardship(Section):
    """The whole file."""

    stability: Stability = Stability()
    review: Review = Review()


def read_stewardship(path: Path = DEFAULT_PATH) -> Stewardship:
    """Reads the file; raises ConfigError naming file and key."""
    return read_settings(path, Stewardship)
