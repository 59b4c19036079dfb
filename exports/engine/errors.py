"""What can go wrong between the engine and a destination. Messages name no secret and nobody's data."""

from __future__ import annotations

from stammkunde.errors import UserError


class Retryable(Exception):
    """The call may be repeated later; `after` is what the vendor asked to wait, in seconds."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class Throttled(Retryable):
    """Refused for being too fast (429 and its relatives). Nothing was committed."""


class Unavailable(Retryable):
    """No answer, a broken one or 5xx. The vendor may have committed the call."""


class Rejected(Exception):
    """The vendor refused the request as a whole because of its content (400, 422); nothing was committed.

    The engine halves the batch until the row is found.
    """

    def __init__(self, reason: str, http_status: int = 400, trace_id: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.http_status, self.trace_id = reason, http_status, trace_id


class JobLost(Exception):
    """The vendor does not know the job (any more)."""


class Refused(UserError):
    """Credentials, scope, plan or quota: no row will get through until somebody mends it. Ends the run."""
