"""The shop's tills: their receipts (DSFinV-K) and the members of the loyalty card.

Belongs here: which parts of the source are configured. Does not belong here: how each is read.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingestion.extract import Context, Message, Notice
from ingestion.sources.shop import dsfinvk, loyalty
from stammkunde.config import ShopSource


def extract(settings: ShopSource, context: Context) -> Iterator[Message]:
    """Reads both parts. Raises SourceUnavailable if a configured folder does not exist."""
    if settings.dsfinvk is None:
        yield Notice("no receipts: sources.shop.dsfinvk is not configured")
    else:
        yield from dsfinvk.extract(settings.dsfinvk, context)
    if settings.loyalty is None:
        yield Notice("no loyalty members: sources.shop.loyalty is not configured")
    else:
        yield from loyalty.extract(settings.loyalty, context)
