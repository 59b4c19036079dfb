"""The command line. Heavy libraries are imported by the command that needs them, not before."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from dagster_project import (
    cli_destination,
    cli_golden,
    cli_identity,
    cli_operations,
    cli_privacy,
    cli_quarantine,
    cli_sync,
)
from dagster_project.environments import apply_defaults, default_config_path
from stammkunde.errors import UserError
from stammkunde.home import Home

app = typer.Typer(
    help="Customer data platform for retailers: one golden record per customer, from till to export.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(cli_identity.app)
app.add_typer(cli_golden.app)
app.add_typer(cli_sync.app, name="sync")
app.add_typer(cli_destination.app, name="destination")
app.add_typer(cli_operations.app)
app.add_typer(cli_privacy.app)
app.add_typer(cli_quarantine.app, name="quarantine")

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="Configuration file; default config/stammkunde.yml, else the demo's."),
]


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day; write it as 2026-11-01") from None


@app.command()
def demo(
    customers: Annotated[
        int, typer.Option(min=10, max=1_000_000, help="Persons and companies of the demo.")
    ] = 5000,
    seed: Annotated[int, typer.Option(help="Another seed makes another world.")] = 1,
    serve: Annotated[bool, typer.Option(help="Leave the demo's database and webshop running.")] = True,
    stop: Annotated[
        bool, typer.Option("--stop", help="Stop the demo's servers and do nothing else.")
    ] = False,
) -> None:
    """Makes the demo retailer's four source systems and starts its servers."""
    from dagster_project.environments import create_home
    from ingestion.demo import servers

    home = create_home(Home.from_environment())
    if stop:
        servers.stop(home)
        typer.echo("The demo's servers are stopped.")
        return
    from ingestion.demo.make import make_demo

    summary = make_demo(
        home, customers=customers, seed=seed, progress=lambda text: typer.echo(text, err=True)
    )
    typer.echo(str(summary))
    if serve:
        servers.start(home)
        typer.echo("Its database and webshop are running; 'stammkunde demo --stop' ends them.")
    else:
        servers.stop(home)
    typer.echo("Next: stammkunde run")


@app.command()
def run(
    config: ConfigOption = None,
    as_of: Annotated[date | None, typer.Option(parser=_day, help="Day of the run; default today.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Read and build everything again.")] = False,
    accept_identity_changes: Annotated[
        bool, typer.Option(help="Let this run change more customer ids than config/stewardship.yml allows.")
    ] = False,
    wait_minutes: Annotated[
        float, typer.Option(min=0, help="How long to wait for another run to end before giving up.")
    ] = 60,
) -> None:
    """Everything, once: ingest, unify, check, score, publish, export."""
    from dagster_project.runner import run as run_everything
    from dagster_project.summary import closing_summary

    summary = run_everything(config, as_of, full, accept_identity_changes, 60 * wait_minutes)
    typer.echo(closing_summary(Home.from_environment(), summary))


@app.command()
def ui(
    config: ConfigOption = None,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 3000,
) -> None:
    """Opens Dagster on 127.0.0.1: the asset graph, checks, runs, schedules."""
    from dagster_project.ui import serve_ui

    serve_ui(config, port)


@app.command()
def sql(query: Annotated[str | None, typer.Argument(help="A query; without it, a shell.")] = None) -> None:
    """Asks the published database (schema marts), read-only."""
    from dagster_project.shell import ask, shell

    database = Home.from_environment().published_database
    if not database.exists():
        raise UserError(f"{database} does not exist yet; 'stammkunde run' publishes it")
    if query:
        typer.echo(ask(database, query))
    else:
        shell(database)


@app.command()
def rollback(
    version: Annotated[
        str | None, typer.Argument(help="A published version; default the one before.")
    ] = None,
) -> None:
    """Puts an earlier published version back in place."""
    from privacy.key import Key
    from privacy.pseudonyms import refresh_pseudonymised
    from stammkunde.publish import rollback as put_back

    home = Home.from_environment()
    typer.echo(f"Published again: {put_back(home, version)}")
    refresh_pseudonymised(home, Key.from_environment(home))


@app.command()
def doctor(config: ConfigOption = None) -> None:
    """Checks configuration, sources, secrets, disk; says what is wrong and how to mend it."""
    from dagster_project.doctor import examine

    findings = examine(Home.from_environment(), config or default_config_path(Home.from_environment()))
    for finding in findings:
        typer.echo(f"{'ok   ' if finding.good else 'WRONG'}  {finding.text}")
    if not all(finding.good for finding in findings):
        raise typer.Exit(1)


def main() -> None:
    """Entry point: errors that the user can mend are one message and exit status 1."""
    apply_defaults(Home.from_environment())
    try:
        app()
    except UserError as error:
        sys.stderr.write(f"stammkunde: {error}\n")
        sys.stderr.flush()
        sys.exit(1)


if __name__ == "__main__":
    main()
