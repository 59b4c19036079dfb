"""Is the day that the computer's clock tells fit to be the day of a run?

A clock that has jumped would date every score, consent and lifecycle wrongly, and nobody would see it in the
tables. Whoever names the day (`--as-of`, `as_of` in the configuration) is not asked.
"""

from __future__ import annotations

from datetime import date

from stammkunde.errors import UserError

LONGEST_PAUSE_DAYS = 366
"""Whoever has not run for longer than that confirms the day."""


def check_clock(day: date, last_published: date | None) -> None:
    """Raises UserError for a day before the last published one, or implausibly far after it."""
    if last_published is None:
        return
    if day < last_published:
        raise UserError(
            f"The clock says {day}, but {last_published} has been published already: set the clock right. "
            "If it was wrong then, 'stammkunde rollback' to a version from before; "
            f"if {day} is meant, say --as-of {day}."
        )
    if (day - last_published).days > LONGEST_PAUSE_DAYS:
        raise UserError(
            f"The clock says {day}, {(day - last_published).days:,} days after the last run, of "
            f"{last_published}: set the clock right, or say --as-of {day} if that is meant."
        )
