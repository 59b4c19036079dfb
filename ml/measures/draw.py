"""Who gets a campaign and who is held out: drawn once, before it begins, and kept in a file of its own.

`<models>/measures/<campaign_id>.json` holds what was drawn and its checksum: a warehouse that is built anew
finds the same groups again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import numpy as np

from ml import registry
from ml.data import BoolArray, fetch
from ml.measures.holdout import is_held_out
from ml.measures.settings import Campaign
from stammkunde.files import write_atomically


@dataclass(frozen=True)
class Draw:
    """The customers of a campaign, sorted, and which of them are held out."""

    drawn_on: date
    holdout_pct: float
    customer_ids: list[str]
    held_out: BoolArray


def read_or_draw(
    connection: duckdb.DuckDBPyConnection, campaign: Campaign, as_of: date, models_directory: Path
) -> Draw | None:
    """The draw of the campaign; made now when there is none and it has not begun. None when it is too late.

    A day before the draw does not see it. Customers without a segment of `as_of` are not in the audience.
    """
    path = models_directory / "measures" / f"{campaign.campaign_id}.json"
    if path.exists():
        manifest = registry.load(path)
        if date.fromisoformat(manifest["as_of"]) <= as_of:
            said = manifest["parameters"]
            held = np.array(said["held_out"], dtype=bool)
            drawn = date.fromisoformat(manifest["as_of"])
            return Draw(drawn, float(said["holdout_pct"]), list(said["customer_ids"]), held)
    if as_of > campaign.starts_on:
        return None
    condition, values = campaign.audience.conditions()
    table = fetch(
        connection,
        f"select customer_id from ml.customer_segment where as_of_date = ? and {condition} "
        "order by customer_id",
        [as_of, *values],
    )
    customers = table["customer_id"].to_pylist()
    if not customers:
        return None
    held = is_held_out(campaign.campaign_id, customers, campaign.holdout_pct)
    artefact = registry.Artefact(
        model="measures",
        kind=campaign.campaign_id,
        as_of=as_of,
        parameters={
            "holdout_pct": campaign.holdout_pct,
            "customer_ids": customers,
            "held_out": [int(h) for h in held],
        },
        data_window=f"customer_segment of {as_of}",
    )
    if not path.exists():
        write_atomically(path, registry.save(artefact, models_directory).read_bytes())
    return Draw(as_of, campaign.holdout_pct, customers, held)
