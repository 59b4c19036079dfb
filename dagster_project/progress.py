"""What a person at the terminal sees while a run works: one line per step, short and true.

Assets call `say`; without a terminal run (the Dagster UI) the lines go to the run's log only.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

SWITCH = "STAMMKUNDE_PROGRESS"


def enabled() -> bool:
    """Whether a terminal run asked for progress lines."""
    return os.environ.get(SWITCH) == "1"


def say(text: str) -> None:
    """One line for the person who waits."""
    if enabled():
        sys.stderr.write(f"{time.strftime('%H:%M:%S')}  {text}\n")
        sys.stderr.flush()


def reporter(log: Callable[[str], None]) -> Callable[[str], None]:
    """A callback for pure functions: shows their progress and keeps it in the run's log."""

    def report(text: str) -> None:
        log(text)
        say(text)

    return report
