"""Commands of stewards about values: `correct`."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import Annotated

import typer

from stammkunde.errors import UserError
from stammkunde.home import Home

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def correct(
    customer: Annotated[str, typer.Argument(help="customer_id; one that was merged away is followed.")],
    attribute: Annotated[str, typer.Argument(help="Column of marts.customer, such as email or street.")],
    author: Annotated[
        str,
        typer.Option(
            default_factory=getpass.getuser, help="Who corrects; default the user of this computer."
        ),
    ],
    reason: Annotated[str, typer.Option(help="Why; it is kept with the correction.")],
    value: Annotated[str | None, typer.Argument(help="The right value.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="The customer has no such value.")] = False,
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Take the correction back; the sources decide again.")
    ] = False,
) -> None:
    """Corrects a golden value. It wins over every source from the next run on, and is kept."""
    if (value is not None) + remove + withdraw != 1:
        raise UserError("give a value, or --remove, or --withdraw")
    from stammkunde.golden import corrections
    from stammkunde.warehouse import open_warehouse

    home = Home.from_environment()
    if not home.warehouse.exists():
        raise UserError(f"{home.warehouse} does not exist yet; 'stammkunde run' makes it")
    with open_warehouse(home.warehouse, read_only=True) as connection:
        made = corrections.correct(
            connection,
            home.corrections,
            customer_id=customer,
            attribute=attribute,
            value=value,
            author=author,
            reason=reason,
            at=datetime.now(UTC),
            default_country=_country(),
            withdraw=withdraw,
        )
    if made.customer_id != customer:
        typer.echo(f"{customer} was merged into {made.customer_id}.")
    what = "no longer corrected" if withdraw else "corrected"
    typer.echo(
        f"{attribute} of {made.customer_id} is {what} ({made.correction_id}); it holds from the next run on."
    )
    if attribute in ("street", "house_no", "postal_code", "city", "country") and not withdraw:
        typer.echo(
            "The address is kept as a whole, as it now stands; correct its other fields where they are wrong."
        )


def _country() -> str:
    """The company's country: it decides how telephone numbers without a country code are read."""
    from dagster_project.resources import Retailer

    return Retailer().config.company.country
