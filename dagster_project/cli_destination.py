"""Commands on destinations: `destination list|check`."""

from __future__ import annotations

from typing import Annotated

import typer

from stammkunde.home import Home

app = typer.Typer(
    help="Where exports go: what config/destinations.yml names, and whether it can be reached.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.command("list")
def list_destinations() -> None:
    """The destinations that are named, and the kinds that there are."""
    from exports.destinations.registry import DESTINATIONS, FILE_KINDS, ROW_KINDS, named_kinds

    for name, kind in named_kinds().items():
        typer.echo(f"{name}: {kind}")
    typer.echo(f"Kinds that keep contacts: {', '.join(ROW_KINDS)}; that take files: {', '.join(FILE_KINDS)}")
    typer.echo(f"They are named in {DESTINATIONS}. Next: stammkunde destination check NAME")


@app.command()
def check(
    name: Annotated[str, typer.Argument(help="Name of a destination in config/destinations.yml.")],
) -> None:
    """Credentials, scopes, limits and fields, before anything is sent. Changes nothing there."""
    from exports.destinations.check import check_destination

    typer.echo(f"Asking {name} …")
    findings, syncs = check_destination(name, Home.from_environment())
    for finding in findings:
        typer.echo(f"  {'ok ' if finding.good else 'BAD'} {finding.text}")
    typer.echo(f"Syncs that go there: {', '.join(syncs) or 'none'}")
    if not all(finding.good for finding in findings):
        typer.echo("Mend what is marked BAD; docs/destinations.md tells what each vendor needs.")
        raise typer.Exit(1)
    typer.echo(f"Next: stammkunde sync plan {syncs[0] if syncs else 'NAME'}")
