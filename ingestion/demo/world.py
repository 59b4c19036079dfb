"""The parameters of a demo world: how many, which seed, how long, how dirty.

A world is a pure function of these values: every random draw comes from a stream named after its purpose,
so that one part can change without moving another.
"""

from __future__ import annotations

import zlib
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from ingestion.demo.rates import ErrorRates

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

NEVER = 1 << 20
"""A day that lies after every world."""

_ZONE = ZoneInfo("Europe/Berlin")


@dataclass(frozen=True)
class World:
    """A demo world: `customers` true persons and companies, three years up to and including `until`."""

    seed: int = 1
    rates: ErrorRates = field(default_factory=ErrorRates)
    customers: int = 5000
    until: date = date(2026, 10, 31)
    years: int = 3

    def rng(self, *stream: str | int) -> np.random.Generator:
        """The random stream of that name."""
        return np.random.default_rng([self.seed, *(zlib.crc32(str(s).encode()) for s in stream)])

    @cached_property
    def start(self) -> date:
        """First day."""
        return self.until + timedelta(days=1) - timedelta(days=365 * self.years + self.years // 4)

    @cached_property
    def days(self) -> int:
        """Number of days; day 0 is `start`."""
        return (self.until - self.start).days + 1

    @cached_property
    def _local_midnights(self) -> Ints:
        """Seconds since 1970 UTC of each local midnight, from 60 days before the start to 60 days after."""
        first = datetime(self.start.year, self.start.month, self.start.day, tzinfo=_ZONE) - timedelta(days=60)
        return np.array(
            [
                int((first + timedelta(days=d)).replace(tzinfo=_ZONE).timestamp())
                for d in range(self.days + 120)
            ],
            dtype=np.int64,
        )

    def utc(self, day: npt.NDArray[Any], second: npt.NDArray[Any]) -> Ints:
        """Local day and second of the day → seconds since 1970 UTC (an instant)."""
        return self._local_midnights[np.asarray(day, dtype=np.int64) + 60] + second

    @property
    def dates(self) -> npt.NDArray[np.datetime64]:
        """The calendar date of each day."""
        return np.datetime64(self.start) + np.arange(self.days)

    @property
    def end_instant(self) -> int:
        """First instant (UTC seconds) after the world: the demo's `as_of`."""
        after = self.until + timedelta(days=1)
        return int(datetime(after.year, after.month, after.day, tzinfo=UTC).timestamp())

    def describe(self) -> dict[str, Any]:
        """What identifies the world, for demo.json."""
        return {
            "customers": self.customers,
            "seed": self.seed,
            "until": self.until.isoformat(),
            "years": self.years,
            "rates": asdict(self.rates),
        }


def pick(rng: np.random.Generator, weights: npt.NDArray[Any], size: int) -> Ints:
    """Draws indices in proportion to the weights."""
    edges = np.cumsum(np.asarray(weights, dtype=np.float64))
    return np.minimum(np.searchsorted(edges, rng.random(size) * edges[-1], "right"), len(edges) - 1)
