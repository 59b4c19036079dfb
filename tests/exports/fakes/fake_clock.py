"""A vendor's clock: every look is a second later, so that orders are certain without waiting."""

from datetime import UTC, datetime, timedelta


class Clock:
    def __init__(self) -> None:
        self._now = datetime(2026, 11, 20, 8, tzinfo=UTC)

    def tick(self) -> str:
        self._now += timedelta(seconds=1)
        return self._now.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    @property
    def now(self) -> str:
        return self._now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
