"""`config/data_quality.yml`: thresholds and severities of the checks.

Belongs here: what the file may say. Does not belong here: the rules themselves (`expectations/suites/`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import Field, field_validator

from expectations.results import CheckResult, Severity
from stammkunde.home import PROJECT_ROOT
from stammkunde.settings import Section, read_settings

DEFAULT_PATH = PROJECT_ROOT / "config" / "data_quality.yml"


class Contract(Section):
    """When rows in quarantine block: above a share of the rows read and from a number of rows on."""

    blocking_share: float = Field(default=0.2, ge=0, le=1)
    blocking_rows: int = Field(default=50, ge=1)


class History(Section):
    """How a load is compared with those before it."""

    threshold: float = Field(default=3.5, gt=0)
    minimum_loads: int = Field(default=7, ge=3)
    history_loads: int = Field(default=60, ge=3)


class Reports(Section):
    """How many reports are kept."""

    keep: int = Field(default=400, ge=1)


class QualitySettings(Section):
    """The whole file. `severities` maps `source.table.rule` to a severity; `*` stands for any part."""

    contract: Contract = Contract()
    history: History = History()
    severities: dict[str, Severity] = Field(default_factory=dict)
    reports: Reports = Reports()

    @field_validator("severities")
    @classmethod
    def _three_parts(cls, value: dict[str, Severity]) -> dict[str, Severity]:
        for pattern in value:
            if pattern.count(".") != 2:
                raise ValueError(f"{pattern!r} is not source.table.rule")
        return value

    def with_severities(self, results: Iterable[CheckResult]) -> list[CheckResult]:
        """The results with the severities that the file sets; of several patterns the last one counts."""
        changed = []
        for result in results:
            name = f"{result.source}.{result.table_name}.{result.rule}"
            severity = result.severity
            for pattern, wanted in self.severities.items():
                if fnmatchcase(name, pattern):
                    severity = wanted
            changed.append(replace(result, severity=severity))
        return changed


def read_quality_settings(path: Path = DEFAULT_PATH) -> QualitySettings:
    """Reads the file; raises ConfigError naming file and key."""
    return read_settings(path, QualitySettings)
