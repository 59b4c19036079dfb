"""Commands on who is who: explain, link, unlink, review, whois, preview.

Heavy libraries are imported by the command that needs them, not before.
"""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stammkunde.errors import UserError
from stammkunde.home import Home

if TYPE_CHECKING:
    import duckdb

app = typer.Typer()

RecordA = Annotated[str, typer.Argument(metavar="A", help="A record id such as branch:1234.")]
RecordB = Annotated[str, typer.Argument(metavar="B", help="Another one.")]
Author = Annotated[
    str, typer.Option(default_factory=getpass.getuser, help="Who decides; default the user of this computer.")
]
Reason = Annotated[str, typer.Option(help="Why; it is kept with the decision.")]
HtmlFile = Annotated[Path | None, typer.Option("--html", help="Also write a page with a picture.")]


@app.command()
def explain(
    a: Annotated[str, typer.Argument(metavar="A", help="A record id (branch:1234) or a customer id.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    html: HtmlFile = None,
) -> None:
    """Why two records are one customer, or are not: the evidence, weight by weight."""
    from ml.identity.explain import explain as explain_records
    from ml.identity.explain_text import as_text
    from ml.identity.lookup import find_records
    from ml.identity.waterfall import as_html

    home = Home.from_environment()
    with _warehouse(home) as connection:
        found = explain_records(connection, *find_records(connection, a, b), home.root / "dbt_target")
    typer.echo(as_text(found))
    if html:
        _write(html, as_html(found))


@app.command()
def link(a: RecordA, b: RecordB, reason: Reason, author: Author) -> None:
    """Decides that two records are one customer, in this and every later run."""
    _decide("link", a, b, author, reason)


@app.command()
def unlink(a: RecordA, b: RecordB, reason: Reason, author: Author) -> None:
    """Decides that two records are two customers, in this and every later run."""
    _decide("unlink", a, b, author, reason)


@app.command()
def whois(
    customer_id: Annotated[
        str, typer.Argument(metavar="OLD_ID", help="A customer id of now or of former times.")
    ],
) -> None:
    """Which customer an id means today, and what happened to it."""
    from ml.identity.history import whois as look_up

    with _warehouse(Home.from_environment()) as connection:
        found = look_up(connection, customer_id)
    typer.echo(found.customer_id or "no customer any more")
    for step in found.steps:
        typer.echo(f"  {step}")


@app.command()
def review(
    limit: Annotated[int, typer.Option(min=1, help="How many pairs to show.")] = 20,
) -> None:
    """Uncertain pairs for a steward to decide, those with most revenue at stake first."""
    from ml.identity.evidence import has_rows
    from ml.identity.review_text import queue_as_text

    with _warehouse(Home.from_environment()) as connection:
        if not has_rows(connection, "identity_assignment"):
            raise UserError("nobody has been identified yet; 'stammkunde run' does it")
        typer.echo(queue_as_text(connection, limit))


@app.command()
def preview(
    config: Annotated[Path | None, typer.Option("--config", help="Configuration file, as for run.")] = None,
    html: HtmlFile = None,
) -> None:
    """What the next run would do to customer ids under the configuration of now. Changes nothing."""
    import tempfile

    from dagster_project.rematch import rematch
    from dagster_project.resources import Retailer
    from ml.identity.decisions import read_decisions
    from ml.identity.lookup import require_resolved
    from ml.identity.preview import preview as look_ahead
    from ml.identity.preview_text import as_html, as_text

    home = Home.from_environment()
    settings = Retailer(config_path=str(config or "")).config
    with _warehouse(home) as connection:
        require_resolved(connection)
        day = _last_day(connection)
    with tempfile.TemporaryDirectory(prefix=".preview-", dir=home.root) as workspace:
        found = look_ahead(
            home.warehouse,
            Path(workspace),
            day,
            rematch=lambda copy: rematch(copy, settings, day),
            decisions=read_decisions(home.decisions).decisions,
        )
    typer.echo(as_text(found))
    if html:
        _write(html, as_html(found))


def _last_day(connection: duckdb.DuckDBPyConnection) -> date:
    """The day of the newest link: the preview takes the records as they are, so no other day matters."""
    rows = connection.execute("select max(linked_at)::date from identity.identity_assignment").fetchall()
    return rows[0][0]  # type: ignore[no-any-return]


def _decide(action: str, a: str, b: str, author: str, reason: str) -> None:
    from ml.identity.decisions import append_decision
    from ml.identity.lookup import require_records

    home = Home.from_environment()
    with _warehouse(home) as connection:
        require_records(connection, [a, b])
    decision, told = append_decision(home.decisions, action, a, b, author, reason, datetime.now(UTC))
    for line in told:
        typer.echo(f"note: {line}", err=True)
    typer.echo(f"Kept: {decision}. It holds from the next 'stammkunde run' on.")


@contextmanager
def _warehouse(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse to read. Raises UserError before the first run."""
    from stammkunde.warehouse import open_warehouse

    if not home.warehouse.exists():
        raise UserError(f"{home.warehouse} does not exist yet; 'stammkunde run' makes it")
    with open_warehouse(home.warehouse, read_only=True) as connection:
        yield connection


def _write(path: Path, page: str) -> None:
    """Writes a page for its owner alone: it shows people's data."""
    from stammkunde.files import write_atomically

    try:
        write_atomically(path.resolve(), page.encode())
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror})") from error
    typer.echo(f"Written: {path}")
