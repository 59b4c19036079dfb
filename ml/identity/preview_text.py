"""A preview as text and as a page."""

from __future__ import annotations

from html import escape

from ml.identity.explain_text import percent
from ml.identity.preview import ChangedId, Preview
from ml.identity.waterfall import STYLE


def headline(preview: Preview) -> list[str]:
    """What would change, a sentence a line."""
    result = preview.result
    if not preview.merged + preview.split + preview.ended:
        lines = [f"No customer id of {preview.customers_before:,} would change."]
    else:
        changed = preview.merged + preview.split + preview.ended
        lines = [
            f"{changed:,} of {preview.customers_before:,} customer ids would"
            f" change ({percent(preview.changed_share)}): {preview.merged:,} merge into others,"
            f" {preview.split:,} split, {preview.ended:,} end.",
            f"Revenue that would stand under another id: {preview.merged_revenue:,.2f} by merges;"
            f" customers that split have {preview.split_revenue:,.2f};"
            f" all customers together {preview.total_revenue:,.2f}.",
        ]
    lines.append(f"Customers: {preview.customers_before:,} now, {result.customers:,} then.")
    if preview.before != preview.after:
        lines.append(
            f"Matching: {preview.before.version}, from {percent(preview.before.threshold)} now;"
            f" {preview.after.version}, from {percent(preview.after.threshold)} then."
        )
    return lines


def in_words(change: ChangedId) -> str:
    """What becomes of one id."""
    others = [other for other in change.into if other != change.customer_id]
    listed = ", ".join(others[:4]) + (f" and {len(others) - 4} more" if len(others) > 4 else "")
    return {
        "merged": f"merges into {listed}",
        "split": f"splits: records leave for {listed}",
        "ended": "ends, without records",
    }[change.change]


def as_text(preview: Preview) -> str:
    """Several lines; the changed ids with most revenue first. Says that nothing has happened."""
    lines = headline(preview)
    if preview.shown:
        lines += ["", "Those with most revenue:"]
        lines += [
            f"  {change.revenue_amount:>14,.2f}  {change.customer_id}"
            f"  ({change.record_count} records)  {in_words(change)}"
            for change in preview.shown
        ]
    return "\n".join([*lines, "", "Nothing was changed. 'stammkunde run' would do it."])


def as_html(preview: Preview) -> str:
    """The same as a page that loads nothing from elsewhere."""
    rows = "".join(
        f"<tr><td>{escape(change.customer_id)}</td><td>{escape(in_words(change))}</td>"
        f"<td>{change.record_count}</td><td>{change.revenue_amount:,.2f}</td></tr>"
        for change in preview.shown
    )
    table = (
        '<table><thead><tr><th scope="col">id</th><th scope="col">what becomes of it</th>'
        f'<th scope="col">records</th><th scope="col">revenue</th></tr></thead><tbody>{rows}</tbody></table>'
    )
    first, *rest = headline(preview)
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Preview of identity</title><style>{STYLE}</style></head><body><main>",
            f"<h1>{escape(first)}</h1>",
            *(f"<p>{escape(line)}</p>" for line in rest),
            table if preview.shown else "",
            "<p>Nothing was changed.</p></main></body></html>\n",
        ]
    )
