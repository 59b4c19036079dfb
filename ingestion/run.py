"""Ingests one source: extract, land, commit, and say how it went.

Belongs here: calling a source's reader with the state of earlier loads and reporting progress.
Does not belong here: how sources are read or files are written.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, fields
from datetime import date

from ingestion.contracts import catalogue
from ingestion.extract import Context, FileRead, FileRefused, Message, Notice, Reader, SourceState
from ingestion.landing import Landing
from ingestion.state import QUARANTINE, TableCounts, manifests, source_state
from privacy.suppression import suppressor_of
from stammkunde.config import Config
from stammkunde.home import Home

_REPORT_SECONDS = 2.0


@dataclass(frozen=True)
class LoadResult:
    """What a load did, per table. `load_id` is None when the source had nothing new or is absent."""

    source: str
    load_id: str | None = None
    tables: dict[str, TableCounts] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    @property
    def total(self) -> TableCounts:
        """Rows of all tables together; a file counts once per table that it holds."""
        names = [f.name for f in fields(TableCounts)]
        return TableCounts(**{n: sum(getattr(c, n) for c in self.tables.values()) for n in names})


def ingest(
    source: str,
    config: Config,
    home: Home,
    as_of: date,
    progress: Callable[[str], None] = lambda text: None,
    full: bool = False,
    again: frozenset[str] = frozenset(),
) -> LoadResult:
    """Extracts and lands what is new at one source; `full` reads everything again.

    `again` names files that are read again though their content is known. A name that no earlier load read as
    a file stands for a database or an API, which is then read as a whole.

    Raises SourceUnavailable if the source cannot be reached and UserError if landing fails; in both cases
    nothing is committed. KeyError for a source that does not exist.
    """
    tables = catalogue()[source]
    settings = getattr(config.sources, source)
    if settings is None:
        notice = f"{source}: not configured, so it is left out"
        progress(notice)
        return LoadResult(source, notices=(notice,))
    reader: Reader = importlib.import_module(f"ingestion.sources.{source}.reader").extract
    company = config.company
    report = _Report(source, progress)
    if again:
        read = {file.file for load in manifests(home.landing / source) for file in load.files}
        full = full or not again <= read
    with (
        suppressor_of(home, company.country) or nullcontext() as suppressor,
        Landing(home.landing / source, source, tables, company.timezone, as_of, full, suppressor) as landing,
    ):
        context = Context(
            as_of=as_of,
            timezone=company.timezone,
            currency=company.currency,
            country=company.country,
            state=SourceState() if full else source_state(landing.earlier, again),
            progress=report.reading,
            full=full,
        )
        for message in reader(settings, context):
            landing.receive(message)
            report.count(message, landing.rows_received)
        committed = landing.commit()
        manifest = committed or landing.manifest
    result = LoadResult(
        source,
        manifest.load_id if committed else None,
        {name: entry.counts for name, entry in manifest.tables.items()},
        manifest.notices,
    )
    where = home.landing / source / manifest.load_id / QUARANTINE
    report.close(result, str(where) if where.exists() else None)
    return result


class _Report:
    """Progress of one source: a line every two seconds at most, and a closing line."""

    def __init__(self, source: str, progress: Callable[[str], None]) -> None:
        self._source, self._progress = source, progress
        self._started = self._said = time.monotonic()
        self._files = self._refused = 0
        self._current = ""

    def note(self, text: str) -> None:
        self._progress(f"{self._source}: {text}")

    def reading(self, text: str) -> None:
        """What the reader is at; shown with the next line."""
        self._current = text

    def count(self, message: Message, rows: int) -> None:
        if isinstance(message, FileRead):
            self._files += 1
        elif isinstance(message, FileRefused):
            self._refused += 1
            self.note(f"refused {message.file}: {message.reason}")
        elif isinstance(message, Notice):
            self.note(message.text)
        now = time.monotonic()
        if now - self._said >= _REPORT_SECONDS:
            self._said = now
            rate = rows / max(now - self._started, 0.001)
            at = f", at {self._current}" if self._current else ""
            self.note(f"{self._files_text()}{rows:,} rows, {rate:,.0f} rows/s{at}")

    def _files_text(self) -> str:
        return f"{self._files:,} files, " if self._files else ""

    def close(self, result: LoadResult, quarantine: str | None) -> None:
        total = result.total
        if result.load_id is None:
            again = f" ({total.seen_again:,} rows seen again)" if total.seen_again else ""
            self.note(f"nothing new{again}")
            return
        seconds = time.monotonic() - self._started
        text = (
            f"{self._files_text()}{total.rows_read:,} rows read = {total.rows_loaded:,} loaded "
            f"+ {total.rows_quarantined:,} quarantined in {seconds:.1f} s"
        )
        if self._refused:
            text += f", {self._refused:,} files refused"
        if total.rows_erased:
            text += f", {total.rows_erased:,} rows of erased people or past their time not taken"
        if quarantine is not None:
            text += f"; quarantine: {quarantine}"
        self.note(text)
