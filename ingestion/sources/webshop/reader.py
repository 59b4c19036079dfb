"""The webshop, whatever its platform: every reader gives the tables of the same contract."""

from __future__ import annotations

from collections.abc import Iterator

from ingestion.extract import Context, Message
from ingestion.sources.webshop.files import read_files
from ingestion.sources.webshop.shopware import read_shop
from stammkunde.config import FilesWebshop, ShopwareWebshop


def extract(settings: ShopwareWebshop | FilesWebshop, context: Context) -> Iterator[Message]:
    """Messages for landing. Raises SourceUnavailable when the shop or the folder cannot be read."""
    if isinstance(settings, FilesWebshop):
        yield from read_files(settings, context)
    else:
        yield from read_shop(settings, context)
