"""Commands for the rights of the people in the data: `erase`, `disclose`, `retention`."""

from __future__ import annotations

import getpass
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from stammkunde.errors import UserError
from stammkunde.home import Home

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)

CustomerOption = Annotated[str | None, typer.Option("--customer", help="customer_id.")]
EmailOption = Annotated[str | None, typer.Option("--email", help="An e-mail address of theirs.")]
PhoneOption = Annotated[str | None, typer.Option("--phone", help="A telephone number of theirs.")]
CardOption = Annotated[str | None, typer.Option("--card", help="A loyalty card of theirs.")]
RecordOption = Annotated[str | None, typer.Option("--record", help="A source record, such as branch:4711.")]


@app.command()
def erase(
    author: Annotated[
        str,
        typer.Option(default_factory=getpass.getuser, help="Who erases; default the user of this computer."),
    ],
    customer: CustomerOption = None,
    email: EmailOption = None,
    phone: PhoneOption = None,
    card: CardOption = None,
    record: RecordOption = None,
    reason: Annotated[
        str, typer.Option(help="Kept with the receipt; name no one here.")
    ] = "request (Art. 17)",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erases a person everywhere, for good. Receipts stay for tax law, without the person."""
    from privacy.erase import erase as carry_out
    from privacy.erase import plan_erasure, resume
    from stammkunde.warehouse import open_warehouse, single_run

    home = Home.from_environment()
    with single_run(home):
        key = _key(home)
        for done in resume(home, key, _say):
            typer.echo(f"Finished the interrupted erasure {done.erasure_id}: {done.receipt_path}")
        country = _country()
        from privacy.person import find_customers

        _need_warehouse(home)
        with open_warehouse(home.warehouse, read_only=True) as connection:
            found = find_customers(connection, country, *_selection(customer, email, phone, card, record))
        if len(found) > 1:
            raise UserError(
                f"{len(found)} customers use it: {', '.join(found)}; say which with --customer, one at a time"
            )
        plan = plan_erasure(home, key, found, country, author, reason, datetime.now(UTC))
        typer.echo(f"{found[0]}: {len(plan.record_ids)} source records; rows in landing:")
        for what, counts in plan.survey.items():
            for table, rows in sorted(counts.items()):
                typer.echo(
                    f"  {table:28} {rows:8,} {'removed' if what == 'removed' else 'kept without the person'}"
                )
        if plan.shared:
            typer.echo(f"  shared with other customers, so kept there: {', '.join(plan.shared)}")
        if dry_run:
            typer.echo("Nothing was changed (--dry-run).")
            return
        if not yes and not typer.confirm("Erase for good?"):
            raise typer.Abort()
        done = carry_out(home, key, plan, _say)
        typer.echo(f"Erased. Receipt: {done.receipt_path}")
        typer.echo("Delete in the source systems, too: " + ", ".join(plan.record_ids))
        typer.echo(f"Receivers of exports: {home.exports / 'deletions.jsonl'}. Next: stammkunde run")
        if done.left:
            places = ", ".join(sorted({f"{f['path']} ({f['what']})" for f in done.left}))
            raise UserError(f"something is left, see the receipt: {places}")


def _selection(
    customer: str | None, email: str | None, phone: str | None, card: str | None, record: str | None
) -> tuple[str, str]:
    given = [
        (kind, value)
        for kind, value in (
            ("customer", customer), ("email", email), ("phone", phone), ("card", card), ("record", record)
        )
        if value
    ]  # fmt: skip
    if len(given) != 1:
        raise UserError("say who is meant: one of --customer, --email, --phone, --card, --record")
    return given[0]


def _key(home: Home):  # type: ignore[no-untyped-def]
    from privacy.key import VARIABLE, Key

    key = Key.from_environment(home)
    if key.created:
        typer.echo(
            f"A secret key was made: {key.created}. Keep a copy apart from the backups, or set {VARIABLE}."
        )
    return key


def _need_warehouse(home: Home) -> None:
    if not home.warehouse.exists():
        raise UserError(f"{home.warehouse} does not exist yet; 'stammkunde run' makes it")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _country() -> str:
    """The company's country: it decides how telephone numbers without a country code are read."""
    from dagster_project.resources import Retailer

    return Retailer().config.company.country
