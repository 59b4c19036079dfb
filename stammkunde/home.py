"""The one directory that holds all state of an installation (design §2).

Everything below it is private to its owner (0700).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from stammkunde.errors import UserError

PROJECT_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Home:
    """Paths below `STAMMKUNDE_HOME`."""

    root: Path

    @classmethod
    def from_environment(cls) -> Home:
        """The home named by STAMMKUNDE_HOME, else `.stammkunde` in the checkout."""
        return cls(Path(os.environ.get("STAMMKUNDE_HOME") or PROJECT_ROOT / ".stammkunde").resolve())

    @property
    def landing(self) -> Path:
        return self.root / "landing"

    @property
    def warehouse(self) -> Path:
        return self.root / "warehouse.duckdb"

    @property
    def published(self) -> Path:
        return self.root / "published"

    @property
    def published_database(self) -> Path:
        """The symlink that readers open."""
        return self.published / "stammkunde.duckdb"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def exports(self) -> Path:
        return self.root / "exports"

    @property
    def dagster(self) -> Path:
        return self.root / "dagster"

    @property
    def demo(self) -> Path:
        return self.root / "demo"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def decisions(self) -> Path:
        """What stewards decided about who is who; the only state here that no source can give again."""
        return self.root / "decisions.jsonl"

    @property
    def corrections(self) -> Path:
        """What stewards corrected; no source can give it again."""
        return self.root / "corrections.jsonl"

    @property
    def reports(self) -> Path:
        """Data quality reports, one HTML file a run."""
        return self.root / "reports"

    @property
    def lock(self) -> Path:
        return self.root / "run.lock"

    def create(self) -> Home:
        """Makes the directories, readable by the owner only. Raises UserError where that cannot be done."""
        for path in (
            self.root, self.landing, self.published, self.models, self.exports, self.dagster, self.logs,
            self.reports,
        ):  # fmt: skip
            try:
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise UserError(
                    f"{path} cannot be made ({error.strerror}); choose another place with STAMMKUNDE_HOME, "
                    "on a disk that can be written"
                ) from error
        return self
