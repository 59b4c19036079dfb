"""Progress of a run: rows done, rows a second, time left."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """Rows answered out of all, rows a second since the start, seconds left (None until it can be told)."""

    destination: str
    done: int
    total: int
    rows_per_second: float
    seconds_left: float | None

    def __str__(self) -> str:
        share = 100 * self.done / self.total if self.total else 100
        left = "" if self.seconds_left is None else f", {_duration(self.seconds_left)} left"
        return (
            f"{self.destination}: {self.done:,} of {self.total:,} rows ({share:.0f} %), "
            f"{self.rows_per_second:,.0f} rows/s{left}"
        )


class Meter:
    """Counts rows and tells every `every_seconds`."""

    def __init__(
        self,
        destination: str,
        tell: Callable[[Progress], None],
        every_seconds: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._destination, self._tell, self._every, self._clock = destination, tell, every_seconds, clock
        self._began = self._told = clock()
        self.done = self.total = 0

    def add(self, rows: int) -> None:
        self.done += rows
        now = self._clock()
        if now - self._told >= self._every:
            self._told = now
            self._tell(self.now())

    def now(self) -> Progress:
        elapsed = max(self._clock() - self._began, 1e-9)
        rate = self.done / elapsed
        left = (self.total - self.done) / rate if rate else None
        return Progress(self._destination, self.done, self.total, rate, left)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
