"""Sends the outbox: batches in parallel, answers into the ledger, patience with a destination that has none.

Belongs here: the order of things on one machine. Does not belong here: what a batch needs before it goes
(`exports/engine/transmit.py`), what may go (`exports/engine/watch.py`).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from exports.engine.destination import Operation, RowResult, Sent
from exports.engine.errors import JobLost, Rejected, Retryable, Throttled, Unavailable
from exports.engine.ledger import SUBMISSION_LOST, Answered, Ledger
from exports.engine.masking import masked
from exports.engine.optouts import instant
from exports.engine.progress import Meter
from exports.engine.retry import Concurrency, DestinationDown, Patience
from exports.engine.schema import Item
from exports.engine.transmit import Batch, Transmitter, check_complete
from stammkunde.errors import UserError


class TooManyRejected(UserError):
    """The destination refuses so many rows that the mapping is probably wrong."""


@dataclass
class _Job:
    """A job at the destination and the items it has."""

    job_id: int
    vendor_id: str
    batch: Batch
    interval: float
    next_poll: float


class Sender:
    """Empties the outbox of one destination."""

    def __init__(
        self,
        transmitter: Transmitter,
        meter: Meter,
        clock: Callable[[], datetime],
        changed: Callable[[], bool],
        enforce: Callable[[], object],
        patience: Patience,
    ) -> None:
        self._transmitter, self._meter, self._clock = transmitter, meter, clock
        self._changed, self._enforce, self._patience = changed, enforce, patience
        self._ledger: Ledger = transmitter.ledger
        self._destination = transmitter.destination
        self._capabilities = transmitter.destination.capabilities
        self._concurrency = Concurrency(self._capabilities.connections)
        self._pause_until = 0.0
        self._answered: dict[str, list[int]] = {}

    def drain(self, highest_priority: int = 9) -> None:
        """Sends everything up to a priority, the most urgent first, and waits for its jobs.

        Raises DestinationDown, TooManyRejected or Refused; what was not acknowledged stays in the outbox.
        """
        with ThreadPoolExecutor(self._capabilities.connections) as executor:
            self._settle_jobs(executor)
            while groups := self._ledger.waiting(highest_priority):
                sync, operation, _ = groups[0]
                if not self._send_group(executor, sync, operation):
                    # Consents have changed: decide anew what may go, opt-outs first.
                    self._enforce()

    def _settle_jobs(self, executor: ThreadPoolExecutor) -> None:
        """Polls jobs that an earlier process left behind."""
        jobs = self._open_jobs()
        while jobs:
            futures: dict[Future[Any], Batch | _Job] = {}
            self._loop(executor, futures, deque(), jobs, iter(()))

    def _open_jobs(self) -> list[_Job]:
        connection = self._ledger.connection
        jobs = []
        for job_id, vendor_id in connection.execute(
            "select job_id, vendor_id from job order by 1"
        ).fetchall():
            rows = connection.execute("select * from outbox where job_id = ?", (job_id,)).fetchall()
            if not rows:
                self._ledger.lose_job(job_id)
                continue
            batch = Batch([Item(*row) for row in rows], was_sent=True)
            jobs.append(_Job(job_id, vendor_id, batch, self._capabilities.poll_seconds, 0.0))
        return jobs

    def _send_group(self, executor: ThreadPoolExecutor, sync: str, operation: str) -> bool:
        """Sends the rows of one sync and operation; False when it stopped because consents changed."""
        return self._loop(executor, {}, deque(), [], self._batches(sync, operation))

    def _loop(
        self,
        executor: ThreadPoolExecutor,
        futures: dict[Future[Any], Batch | _Job],
        again: deque[Batch],
        jobs: list[_Job],
        fresh: Iterator[Batch],
    ) -> bool:
        stopping = False
        exhausted = False
        while True:
            stopping = stopping or self._changed()
            now = time.monotonic()
            while not stopping and len(futures) < self._concurrency.allowed and now >= self._pause_until:
                batch = next((one for one in again if one.not_before <= now), None)
                if batch is not None:
                    again.remove(batch)
                elif not exhausted:
                    batch = next(fresh, None)
                    exhausted = batch is None
                if batch is None:
                    break
                futures[executor.submit(self._transmitter.transmit, batch)] = batch
            for job in [
                one for one in jobs if one.next_poll <= now and len(futures) < self._concurrency.allowed
            ]:
                jobs.remove(job)
                rows = self._transmitter.rows(job.batch.items)
                futures[executor.submit(self._destination.poll, job.vendor_id, rows)] = job
            if not futures:
                if not jobs and (stopping or (exhausted and not again)):
                    return not stopping
                due = [one.next_poll for one in jobs]
                due += [] if stopping else [one.not_before for one in again]
                time.sleep(max(0.0, min(max(min(due, default=now), self._pause_until) - now, 1.0)) or 0.001)
                continue
            done, _ = wait(futures, timeout=1.0, return_when=FIRST_COMPLETED)
            stop: UserError | None = None
            # What has been answered by now is committed at once: a commit costs more than a batch.
            with self._ledger.transaction():
                for future in done:
                    task = futures.pop(future)
                    try:
                        if isinstance(task, _Job):
                            self._finish_poll(task, future, jobs, again)
                        else:
                            self._finish(task, future, jobs, again)
                    except UserError as error:
                        stop = stop or error
            if stop:
                raise stop

    def _batches(self, sync: str, operation: str) -> Iterator[Batch]:
        """Claims rows and cuts them into batches, by rows and by bytes."""
        capabilities = self._capabilities
        size = capabilities.operation_batch_size.get(Operation(operation), capabilities.batch_size)
        after = 0
        while items := self._ledger.claim(sync, operation, after, size * capabilities.connections * 4):
            after = items[-1].outbox_id
            batch: list[Item] = []
            used = 0
            for item in items:
                needed = len((item.payload or "").encode()) + 200
                if batch and (len(batch) == size or used + needed > capabilities.batch_bytes):
                    yield Batch(batch)
                    batch, used = [], 0
                batch.append(item)
                used += needed
            yield Batch(batch)

    def _finish(self, batch: Batch, future: Future[Any], jobs: list[_Job], again: deque[Batch]) -> None:
        try:
            early, sent = future.result()
        except Retryable as error:
            self._put_off(batch, error, again)
            return
        except Rejected as error:
            self._concurrency.answered()
            if len(batch.items) == 1:
                result = RowResult(batch.items[0].key, "rejected", error.reason)
                self._acknowledge(batch, [result], error.http_status, error.trace_id, again)
                return
            middle = len(batch.items) // 2
            again.extend([Batch(batch.items[:middle]), Batch(batch.items[middle:])])
            return
        self._concurrency.answered()
        if early:
            self._acknowledge(batch, early, None, None, again, is_vendors=False)
        if sent is None:
            return
        if sent.job is None:
            self._acknowledge(batch, sent.results, sent.http_status, sent.trace_id, again)
            return
        keys = {result.key for result in early}
        rest = Batch([item for item in batch.items if item.key not in keys], was_sent=True)
        job_id = self._ledger.submitted(rest.items, sent.job, self._now())
        interval = self._capabilities.poll_seconds
        jobs.append(_Job(job_id, sent.job, rest, interval, time.monotonic() + interval))

    def _finish_poll(self, job: _Job, future: Future[Any], jobs: list[_Job], again: deque[Batch]) -> None:
        try:
            sent: Sent | None = future.result()
            if sent is not None:
                check_complete(sent.results, [item.key for item in job.batch.items])
        except Retryable as error:
            job.batch.failures += 1
            self._give_up_after(job.batch.failures, error)
            job.next_poll = time.monotonic() + self._patience.delay(job.batch.failures, error.after)
            jobs.append(job)
            return
        except JobLost:
            self._ledger.lose_job(job.job_id)
            again.append(Batch(job.batch.items, failures=job.batch.failures + 1, was_sent=True))
            self._give_up_after(job.batch.failures + 1, JobLost("the destination lost a job"))
            return
        if sent is None:
            job.interval = min(job.interval * 1.5, 30.0)
            job.next_poll = time.monotonic() + job.interval
            jobs.append(job)
            return
        self._acknowledge(job.batch, sent.results, sent.http_status, sent.trace_id, again, job.job_id)

    def _put_off(self, batch: Batch, error: Retryable, again: deque[Batch]) -> None:
        self._concurrency.refused()
        batch.failures += 1
        if isinstance(error, Unavailable):
            self._ledger.note(SUBMISSION_LOST, "1")
        self._give_up_after(batch.failures, error)
        now = time.monotonic()
        batch.not_before = now + self._patience.delay(batch.failures, error.after)
        if isinstance(error, Throttled) and error.after:
            self._pause_until = max(self._pause_until, now + error.after)
        again.append(batch)

    def _give_up_after(self, failures: int, error: Exception) -> None:
        if failures >= self._patience.attempts:
            raise DestinationDown(
                f"no progress after {failures} attempts: {error}; "
                "what was not acknowledged waits for the next run"
            ) from error

    def _acknowledge(
        self,
        batch: Batch,
        results: Sequence[RowResult],
        http_status: int | None,
        trace_id: str | None,
        again: deque[Batch],
        job_id: int | None = None,
        is_vendors: bool = True,
    ) -> None:
        items = {item.key: item for item in batch.items}
        answered = []
        for result in results:
            item = items[result.key]
            reason = ""
            if result.status == "rejected":
                reason = masked(result.reason, self._transmitter.rows([item])[0])
            answered.append(Answered(item, result, reason))
        self._ledger.acknowledge(answered, self._now(), http_status, trace_id, job_id)
        self._meter.add(sum(one.result.status != "retry" for one in answered))
        retry = [one.item for one in answered if one.result.status == "retry"]
        if retry:
            late = Batch(retry, failures=batch.failures + 1, was_sent=batch.was_sent)
            self._give_up_after(late.failures, UserError("the destination keeps putting rows off"))
            late.not_before = time.monotonic() + self._patience.delay(late.failures)
            again.append(late)
        if is_vendors:
            self._watch_rejections(answered)

    def _watch_rejections(self, answered: Sequence[Answered]) -> None:
        sync = self._transmitter.syncs[answered[0].item.sync]
        counts = self._answered.setdefault(sync.name, [0, 0])
        rejected = sum(one.result.status == "rejected" for one in answered)
        counts[0] += len(answered)
        counts[1] += rejected
        if rejected and sync.on_reject == "stop":
            raise TooManyRejected(
                f"sync {sync.name}: {rejected:,} rows were rejected and on_reject is stop; the rest waits"
            )
        guards = sync.guards
        if counts[0] >= guards.min_contacts and 100 * counts[1] > guards.max_rejected_pct * counts[0]:
            raise TooManyRejected(
                f"sync {sync.name}: {counts[1]:,} of {counts[0]:,} rows were rejected; "
                f"guards.max_rejected_pct is {guards.max_rejected_pct:g}; the rest waits. "
                f"'stammkunde sync log {sync.name} --rejected' tells why"
            )

    def _now(self) -> str:
        return instant(self._clock())
