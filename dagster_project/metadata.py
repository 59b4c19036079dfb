"""Tables as Markdown for the metadata of a materialization. Never pass personal data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import dagster as dg


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> dg.MarkdownMetadataValue:
    """A table, or the word "none" when there are no rows. Integers get thousands separators."""

    def line(cells: Sequence[object]) -> str:
        return "| " + " | ".join(f"{c:,}" if type(c) is int else str(c) for c in cells) + " |"

    lines = [line(row) for row in rows]
    if not lines:
        return dg.MetadataValue.md("none")
    return dg.MetadataValue.md("\n".join([line(header), "|" + "---|" * len(header), *lines]))
