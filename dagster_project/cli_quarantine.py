"""Commands on rejected rows: `quarantine list`, `show`, `retry`, `drop`.

Heavy libraries are imported by the command that needs them, not before.
"""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stammkunde.errors import UserError
from stammkunde.home import Home

if TYPE_CHECKING:
    import duckdb

app = typer.Typer(
    help="What was rejected, why, and the ways back.", no_args_is_help=True, pretty_exceptions_enable=False
)

EntryIds = Annotated[list[str], typer.Argument(metavar="ENTRY…", help="Ids that 'list' shows.")]


@app.command(name="list")
def list_entries(
    source: Annotated[str | None, typer.Option(help="Only this source.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Healed and dropped ones too.")] = False,
) -> None:
    """What is in quarantine: one line per file, field and reason."""
    from ingestion.quarantine_entries import entries

    with _raw() as connection:
        found = entries(connection, source, everything)
    for entry in found:
        what = f"{entry.rows:,} rows" if entry.kind == "row" else "whole file"
        field = f", field {entry.field}" if entry.field else ""
        state = "" if entry.state == "open" else f" [{entry.state}]"
        typer.echo(
            f"{entry.entry_id}  {what:>11}  {entry.source}.{entry.table_name}  {entry.file}{field}: "
            f"{entry.reason} (load {entry.load_id}){state}"
        )
    if not found:
        typer.echo("The quarantine holds nothing that is open.")
        return
    typer.echo(
        "A corrected file in its folder heals its rows with the next run. 'stammkunde quarantine show ENTRY' "
        "tells lines, 'retry' reads a file again as it is, 'drop' leaves rows out for good."
    )


@app.command()
def show(
    entry_id: Annotated[str, typer.Argument(metavar="ENTRY", help="Id that 'list' shows.")],
    values: Annotated[
        bool, typer.Option("--values", help="Show the whole rows, personal data included.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many rows.")] = 100,
) -> None:
    """The rows of an entry: line, value (masked) and reason."""
    from ingestion.quarantine_entries import find, rows_of

    home = Home.from_environment()
    with _raw() as connection:
        (entry,) = find(connection, [entry_id])
        rows = rows_of(connection, home, entry, values, limit)
    typer.echo(
        f"{entry.source}.{entry.table_name}, {entry.file}, load {entry.load_id}, {entry.state}: "
        f"{f'{entry.field}: ' if entry.field else ''}{entry.reason}"
    )
    for row in rows:
        place = f"line {row.line}" if row.line is not None else "whole file"
        shown = f"  {row.value_masked}" if row.value_masked else ""
        typer.echo(f"  {place}{shown}" + (f"  {row.row}" if row.row else ""))
    if entry.rows > len(rows):
        typer.echo(f"  … and {entry.rows - len(rows):,} more (--limit)")


@app.command()
def retry(
    entry_ids: EntryIds,
    config: Annotated[Path | None, typer.Option("--config", help="Configuration file.")] = None,
) -> None:
    """Reads the files of entries again as they are now: after a correction of the configuration or an
    upgrade.
    """
    from dagster_project.resources import Retailer
    from dagster_project.runner import demo_servers
    from ingestion.quarantine_entries import find
    from ingestion.quarantine_entries import retry as read_again
    from ingestion.raw import register_raw
    from stammkunde.warehouse import open_warehouse, single_run

    home = Home.from_environment()
    retailer = Retailer(config_path=str(config or ""))
    settings = retailer.config
    day = settings.as_of or datetime.now(UTC).astimezone(settings.zone).date()
    with _raw() as connection:
        found = find(connection, entry_ids)
    with single_run(home, wait_seconds=60, say=_say), demo_servers(settings, home):
        results = read_again(found, settings, home, day, _say)
        with open_warehouse(home.warehouse) as connection:
            register_raw(connection, home)
    for result in results:
        total = result.total
        typer.echo(
            f"{result.source}: {total.rows_loaded:,} rows loaded, {total.rows_quarantined:,} in quarantine"
            if result.load_id
            else f"{result.source}: nothing to read; is the file still in its folder?"
        )
    typer.echo("Next: stammkunde run")


@app.command()
def drop(
    entry_ids: EntryIds,
    reason: Annotated[str, typer.Option(help="Why; it is kept with the decision.")],
    author: Annotated[
        str,
        typer.Option(default_factory=getpass.getuser, help="Who decides; default the user of this computer."),
    ],
) -> None:
    """Leaves entries out for good: they stay on record and are no longer counted as open."""
    from ingestion.quarantine_entries import drop as leave_out
    from ingestion.quarantine_entries import find
    from stammkunde.warehouse import single_run

    home = Home.from_environment()
    with _raw() as connection:
        found = find(connection, entry_ids)
    with single_run(home, wait_seconds=60, say=_say):
        rows = leave_out(home, found, author, reason, datetime.now(UTC))
    typer.echo(f"{rows:,} rows of {len(found)} entries are dropped; they stay on record ('list --all').")


@contextmanager
def _raw() -> Iterator[duckdb.DuckDBPyConnection]:
    """The schema raw as landing has it now, in memory: the quarantine can be looked at during a run."""
    import duckdb

    from ingestion.raw import register_raw

    home = Home.from_environment()
    if not home.landing.is_dir():
        raise UserError(f"{home.root} holds no loads yet; 'stammkunde run' makes them")
    with duckdb.connect() as connection:
        register_raw(connection, home)
        yield connection


def _say(text: str) -> None:
    typer.echo(text, err=True)
