"""Commands of activation: `sync list|plan|apply|log|resubscribe|schema`."""

from __future__ import annotations

import getpass
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stammkunde.errors import UserError
from stammkunde.home import Home

if TYPE_CHECKING:
    from exports.engine.progress import Progress
    from exports.sync import Sync

app = typer.Typer(
    help="What leaves the product: plan, send and look up syncs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

SyncName = Annotated[str, typer.Argument(help="Name of a file in exports/syncs, without .yml.")]


def _clock() -> datetime:
    return datetime.now(UTC)


@app.command("list")
def list_syncs() -> None:
    """The syncs, where they go, and how their last run ended."""
    from exports.engine.log import last_runs
    from exports.sync import load_syncs

    home = Home.from_environment()
    for name, sync in load_syncs().items():
        if sync.is_file:
            latest = home.exports / name / "latest"
            typer.echo(f"{name}: files, {latest if latest.exists() else 'not yet exported'}")
            continue
        runs = last_runs(home, sync)
        typer.echo(f"{name}: {sync.mode} to {sync.destination}, {runs[0] if runs else 'not yet run'}")
    typer.echo("Next: stammkunde sync plan NAME")


@app.command()
def plan(
    name: SyncName,
    retry_rejected: Annotated[
        bool, typer.Option("--retry-rejected", help="Count in what was rejected and has not changed.")
    ] = False,
) -> None:
    """What a run would do, without doing it."""
    from exports.destinations.registry import connect
    from exports.engine.report import as_text, write_plan
    from exports.engine.run import plan_sync

    sync = _row_sync(name)
    home = Home.from_environment()
    with closing(connect(str(sync.destination))) as destination:
        made = plan_sync(sync, home, destination, retry_rejected)
    page = write_plan(home, made)
    typer.echo(as_text(made))
    typer.echo(f"\nAs a page: {page}\nNext: stammkunde sync apply {name} --plan {made.plan_id}")


@app.command()
def apply(
    name: SyncName,
    plan: Annotated[
        str | None, typer.Option("--plan", help="Id of a plan; refused when it is stale.")
    ] = None,
    accept: Annotated[bool, typer.Option("--accept", help="Go on although a guard says stop.")] = False,
    retry_rejected: Annotated[
        bool, typer.Option("--retry-rejected", help="Send again what was rejected and has not changed.")
    ] = False,
) -> None:
    """Brings the destination to what the sync selects; goes on where a killed run ended."""
    from dagster_project.activation import apply_rows
    from dagster_project.resources import Retailer
    from exports.run import export
    from exports.sync import find_sync

    home = Home.from_environment()
    config = Retailer().config
    as_of = config.as_of or _clock().astimezone(config.zone).date()
    if find_sync(name).is_file:
        result = export(name, home, as_of)
        typer.echo(f"{name}: {result.rows_exported:,} rows in {result.path}")
        return

    def tell(progress: Progress) -> None:
        typer.echo(str(progress), err=True)

    done = apply_rows(_row_sync(name), home, as_of, _clock, tell, plan, accept, retry_rejected)
    sent = ", ".join(f"{count:,} {operation}" for operation, count in done.sent.items()) or "nothing"
    typer.echo(
        f"{name}: sent {sent}; {done.rejected:,} rejected; {done.opt_outs_pulled:,} opt-outs taken over "
        f"({done.seconds:.1f} s)"
    )
    for notice in done.notices:
        typer.echo(f"  note: {notice}")
    typer.echo(f"Next: stammkunde sync log {name}")


@app.command()
def log(
    name: SyncName,
    rejected: Annotated[bool, typer.Option("--rejected", help="The rejected rows and why.")] = False,
    customer: Annotated[str | None, typer.Option(help="What was sent of one customer_id.")] = None,
) -> None:
    """The last runs of a sync, its rejected rows, or the history of one customer."""
    from exports.engine.log import history_of, last_runs, rejected_rows

    home = Home.from_environment()
    sync = _row_sync(name)
    if customer:
        lines = history_of(home, sync, customer)
    elif rejected:
        lines = rejected_rows(home, sync)
    else:
        lines = last_runs(home, sync)
    typer.echo("\n".join(lines) or "nothing")
    typer.echo(
        "More: stammkunde sql (tables sync_run, sync_audit, sync_contact, sync_rejected, sync_waiting)"
    )


@app.command()
def resubscribe(
    customer: Annotated[str, typer.Argument(help="customer_id of somebody who opted out and came back.")],
    address: Annotated[str, typer.Option(help="The address that was confirmed.")],
    confirmed_at: Annotated[
        datetime,
        typer.Option(help="When the double opt-in was confirmed, UTC.", formats=["%Y-%m-%dT%H:%M:%S"]),
    ],
    proof: Annotated[str, typer.Option(help="Where the double opt-in can be looked up: id of form or mail.")],
    author: Annotated[
        str, typer.Option(default_factory=getpass.getuser, help="Who records it; default this user.")
    ],
    channel: Annotated[str, typer.Option(help="email, phone or post.")] = "email",
) -> None:
    """Lifts an opt-out that a destination reported. Needs a double opt-in that is newer than it."""
    from exports.engine.optouts import ConsentLedger

    if channel not in ("email", "phone", "post"):
        raise UserError(f"channel {channel!r} is none of email, phone, post")
    if not proof.strip():
        raise UserError("without a proof nobody is subscribed again")
    with closing(ConsentLedger(Home.from_environment())) as ledger:
        lifted = ledger.resubscribe(
            customer, address, channel, confirmed_at.replace(tzinfo=UTC), proof, author, _clock()
        )
    typer.echo(
        f"{customer} may be sent to again ({lifted} opt-outs lifted), if the sources' consent says so too."
    )
    typer.echo("No sync subscribes anybody at a vendor: there, the vendor's own double opt-in does.")


@app.command()
def schema(
    write: Annotated[
        bool, typer.Option("--write", help="Write it to exports/syncs/sync.schema.json.")
    ] = False,
) -> None:
    """The JSON schema of sync files, for editors."""
    from exports.sync import SCHEMA, json_schema

    if write:
        Path(SCHEMA).write_text(json_schema(), encoding="utf-8")
        typer.echo(str(SCHEMA))
    else:
        typer.echo(json_schema())


def _row_sync(name: str) -> Sync:
    from exports.sync import find_sync

    sync = find_sync(name)
    if sync.is_file:
        raise UserError(f"{name} exports whole files: 'stammkunde sync apply {name}' writes them")
    return sync
