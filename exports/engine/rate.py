"""Rate limits: how many requests may start in a sliding window.

Belongs here: waiting. Does not belong here: what a vendor's headers are called (`exports/destinations/`).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """At most `requests` per `seconds`, in any window of that length."""

    requests: int
    seconds: float


class RateLimiter:
    """Lets requests start so that no window of any limit holds more than it may. Thread-safe.

    Requests are spaced evenly within the shortest window: a vendor sees arrivals, and a burst that arrives a
    little later than it was sent would fall into one window with the next. `slack` widens the windows for the
    same reason.
    """

    def __init__(
        self,
        limits: Sequence[Limit],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        slack: float = 0.03,
    ) -> None:
        self._limits = tuple(limits)
        self._slack = 1 + slack
        self._starts: list[deque[float]] = [deque(maxlen=limit.requests) for limit in self._limits]
        self._spacing = max((limit.seconds / limit.requests for limit in self._limits if limit.seconds <= 10),
                            default=0.0)  # fmt: skip
        self._next = 0.0
        self._blocked_until = 0.0
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()

    def acquire(self) -> None:
        """Waits until a request may start, and counts it."""
        while True:
            with self._lock:
                now = self._clock()
                start = max(now, self._earliest())
                if start <= now:
                    for starts in self._starts:
                        starts.append(now)
                    # A thread that wakes up late must not cost throughput: lateness of one spacing is
                    # forgiven.
                    self._next = max(self._next, now - self._spacing) + self._spacing * self._slack
                    return
            self._sleep(start - now)

    def block(self, seconds: float) -> None:
        """No request starts for so long: the vendor said so."""
        with self._lock:
            self._blocked_until = max(self._blocked_until, self._clock() + seconds)

    def _earliest(self) -> float:
        earliest = max(self._blocked_until, self._next)
        for limit, starts in zip(self._limits, self._starts, strict=True):
            if len(starts) == limit.requests:
                earliest = max(earliest, starts[0] + limit.seconds * self._slack)
        return earliest
