"""The settings files beside the configuration, read before a run begins, so that a typo costs no time."""

from __future__ import annotations

from expectations.settings import read_quality_settings
from exports.legal_bases import load_legal_bases
from ml.identity.stewardship import read_stewardship
from stammkunde.golden.lifecycle import load_lifecycle
from stammkunde.golden.survivorship import load_survivorship
from stammkunde.matching import load_matching


def check_settings() -> None:
    """Raises ConfigError naming the file and the key of settings that cannot be used."""
    load_survivorship()
    load_lifecycle()
    load_matching()
    read_stewardship()
    read_quality_settings()
    load_legal_bases()
