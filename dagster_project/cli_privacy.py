"""Commands for the rights of the people in the data: `erase`, `disclose`, `retention`."""

from __future__ import annotations

import getpass
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stammkunde.errors import UserError
from stammkunde.home import Home

if TYPE_CHECKING:
    from privacy.key import Key

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


@app.command()
def disclose(
    customer: CustomerOption = None,
    email: EmailOption = None,
    phone: PhoneOption = None,
    card: CardOption = None,
    record: RecordOption = None,
    output: Annotated[
        Path, typer.Option(help="Folder for the two files, readable by you only; keep it outside the home.")
    ] = Path(),
) -> None:
    """Everything that is held on a person, as JSON and as a document to print (Art. 15 and 20)."""
    import json

    from privacy.disclose import disclose as collect
    from privacy.disclosure_html import as_html
    from privacy.person import find_customers
    from privacy.settings import load_privacy
    from stammkunde.files import write_atomically
    from stammkunde.warehouse import open_warehouse, single_run

    home = Home.from_environment()
    _need_warehouse(home)
    if home.root in output.resolve().parents or output.resolve() == home.root:
        raise UserError(
            f"{output}: choose a folder outside {home.root}, or the copy would be forgotten there"
        )
    with single_run(home):
        country = _country()
        with open_warehouse(home.warehouse, read_only=True) as connection:
            found = find_customers(connection, country, *_selection(customer, email, phone, card, record))
        if len(found) > 1:
            raise UserError(f"{len(found)} customers use it: {', '.join(found)}; say which with --customer")
        content = collect(home, _key(home), found, country, load_privacy(), datetime.now(UTC))
    output.mkdir(parents=True, exist_ok=True)
    stem = f"disclosure-{found[0]}-{content['made_at'][:10]}"
    text = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
    write_atomically(output / f"{stem}.json", text.encode())
    write_atomically(output / f"{stem}.html", as_html(content).encode())
    rows = sum(len(r) for part in ("delivered_by_sources", "derived") for r in content[part].values())
    typer.echo(f"{rows:,} rows about {found[0]}: {output / stem}.json and .html")
    typer.echo("Check who asked before you hand it over, and remove the files afterwards.")


@app.command()
def retention(
    author: Annotated[
        str, typer.Option(default_factory=getpass.getuser, help="Who applies it; default the user here.")
    ],
    apply: Annotated[bool, typer.Option("--apply", help="Remove it; without this it is only shown.")] = False,
) -> None:
    """Shows what is past its time by config/privacy.yml; with --apply removes it."""
    from privacy.retention import apply_retention, find_due
    from privacy.settings import load_privacy
    from stammkunde.warehouse import single_run

    home = Home.from_environment()
    with single_run(home):
        key, country, now = _key(home), _country(), datetime.now(UTC)
        due = find_due(home, key, load_privacy().retention, country, _today(now))
        if not due.limits.days and not due.customer_ids:
            typer.echo("Nothing is past its time. What is kept how long stands in config/privacy.yml.")
            return
        for table, (_, first) in sorted(due.limits.days.items()):
            typer.echo(f"  {table:28} {due.rows.get(table, 0):10,} rows before {first}")
        typer.echo(f"  inactive customers           {len(due.customer_ids):10,}")
        if not apply:
            typer.echo("Nothing was changed; 'stammkunde retention --apply' removes it.")
            return
        done = apply_retention(home, key, due, country, author, now, _say)
        typer.echo("Removed. Next: stammkunde run")
        if done is not None:
            typer.echo(f"Receipt of the erased customers: {done.receipt_path}")


def _today(now: datetime) -> date:
    """The day of the run, as `stammkunde run` would take it."""
    from dagster_project.resources import Retailer

    config = Retailer().config
    return config.as_of or now.astimezone(config.zone).date()


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


def _key(home: Home) -> Key:
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
