"""Commands of those who run the installation: `backup`, `restore`.

Heavy libraries are imported by the command that needs them, not before.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from stammkunde.home import Home

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="A new file, on another disk: stammkunde-2026-11-01.tar.")],
) -> None:
    """Writes everything that the home holds into one file; waits for a run to end."""
    from stammkunde.backup import back_up

    made = back_up(Home.from_environment(), file, datetime.now(UTC).date(), say=_say)
    typer.echo(
        f"{made.path}: {made.files:,} files, {made.bytes / 2**20:,.0f} MiB; keep it as safe as the home."
    )


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file that 'backup' wrote.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Move what the home holds now aside; nothing is deleted.")
    ] = False,
) -> None:
    """Puts a backup back: checked file by file, then exchanged in one step."""
    from stammkunde.backup import restore as put_back

    home = Home.from_environment()
    made, aside = put_back(file, home, replace, say=_say)
    typer.echo(f"{home.root}: {made.files:,} files of {made.path} are back.")
    if aside:
        typer.echo(f"What was there is now in {aside}.")
    typer.echo("Next: stammkunde run (reads what has arrived since, and upgrades an older home)")


def _say(text: str) -> None:
    typer.echo(text, err=True)
