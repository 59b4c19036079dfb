"""Patience: backoff with full jitter, and how many requests at once a destination bears.

Source: exponential backoff with full jitter (M. Brooker, 2015); additive increase, multiplicative decrease
(Chiu and Jain, 1989).
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from exports.engine.errors import Retryable
from stammkunde.errors import UserError

Answer = TypeVar("Answer")


class DestinationDown(UserError):
    """No progress in spite of all patience; what was not acknowledged waits for the next run."""


@dataclass
class Patience:
    """How long to wait between attempts, in seconds, and when to give up.

    `attempts`: failures in a row, over all requests, that end the run; every answer begins the count anew.
    """

    base_seconds: float = 0.5
    longest_seconds: float = 60.0
    attempts: int = 12
    seed: int | None = None
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def delay(self, failures: int, after: float | None = None) -> float:
        """Seconds to wait after so many failures in a row; at least what the vendor asked for."""
        longest = min(self.longest_seconds, self.base_seconds * 2 ** min(failures - 1, 16))
        return (after or 0.0) + self._random.uniform(0, longest)


def patiently(
    call: Callable[[], Answer], name: str, patience: Patience, sleep: Callable[[float], None]
) -> Answer:
    """Repeats a call that may be repeated until it is answered. DestinationDown when it is not."""
    for failures in range(1, patience.attempts + 1):
        try:
            return call()
        except Retryable as error:
            if failures == patience.attempts:
                raise DestinationDown(
                    f"{name} does not answer ({failures} attempts): {error}; run it again later"
                ) from error
            sleep(patience.delay(failures, error.after))
    raise AssertionError("unreachable")


class Concurrency:
    """How many requests may be in flight: one more after a full round of answers, half after a refusal."""

    def __init__(self, most: int) -> None:
        self._most = max(1, most)
        self._now = float(self._most)
        self._lock = threading.Lock()

    @property
    def allowed(self) -> int:
        return max(1, int(self._now))

    def answered(self) -> None:
        with self._lock:
            self._now = min(float(self._most), self._now + 1 / self._now)

    def refused(self) -> None:
        with self._lock:
            self._now = max(1.0, self._now / 2)
