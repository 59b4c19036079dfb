"""A home with its command line, for tests that use the product as a user does."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from stammkunde.home import Home
from stammkunde.publish import table_hashes

STAMMKUNDE = str(Path(sys.executable).parent / "stammkunde")
CUSTOMERS = "300"


@dataclass(frozen=True)
class Installation:
    """A home with its command line."""

    home: Home

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "STAMMKUNDE_HOME": str(self.home.root)}

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [STAMMKUNDE, *arguments], capture_output=True, text=True, timeout=900, env=self.environment
        )

    def must(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        result = self.call(*arguments)
        assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-6000:]
        return result

    def hashes(self) -> dict[str, object]:
        return dict(table_hashes(self.home.published_database))

    def landed(self) -> list[str]:
        return sorted(p.relative_to(self.home.landing).as_posix() for p in self.home.landing.rglob("*"))


def new_demo(root: Path) -> Installation:
    installation = Installation(Home(root))
    installation.must("demo", "--customers", CUSTOMERS, "--no-serve")
    return installation
