"""The disclosure as a document that can be printed: one HTML file without scripts or outside links."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Disclosure under Art. 15 GDPR</title>
<style>
body { font: 11pt/1.4 sans-serif; margin: 2cm; color: #222 }
h1 { font-size: 18pt } h2 { font-size: 13pt; margin-top: 1.5em; border-bottom: 1px solid #999 }
table { border-collapse: collapse; margin: .5em 0 1em; page-break-inside: avoid }
td, th { text-align: left; vertical-align: top; padding: 1px 12px 1px 0 }
th { font-weight: normal; color: #666 }
</style></head><body>
"""

_TITLES = {
    "recipients": "Who has received the data",
    "delivered_by_sources": "What our systems hold, with its origin",
    "rejected_rows": "Rows that could not be read and wait for correction",
    "derived": "What we have derived from it",
    "entered_by_stewards": "What our staff entered",
}


def as_html(disclosure: Mapping[str, Any]) -> str:
    """The document. All values are escaped."""
    parts = [_HEAD, "<h1>Disclosure under Art. 15 GDPR</h1>"]
    parts.append(f"<p>Customer {_text(disclosure['about'])}, made on {_text(disclosure['made_at'])} (UTC)")
    if disclosure["controller"]:
        parts.append(f", by {_text(disclosure['controller'])}")
    parts.append("</p><h2>What for, on which basis, how long</h2>")
    parts += [_table(purpose) for purpose in disclosure["purposes"]]
    for key, title in _TITLES.items():
        parts.append(f"<h2>{escape(title)}</h2>")
        parts.append(_section(disclosure[key]))
    if disclosure["shared_with_others"]:
        kinds = ", ".join(disclosure["shared_with_others"])
        parts.append(
            f"<p>Others use the same {escape(kinds)}; what may be theirs is not shown here (Art. 15 (4)).</p>"
        )
    parts.append(f"<h2>Your rights</h2><p>{escape(disclosure['rights'])}</p></body></html>\n")
    return "".join(parts)


def _section(content: Any) -> str:
    if not content:
        return "<p>Nothing.</p>"
    if isinstance(content, Mapping):
        return "".join(f"<h3>{escape(name)}</h3>{_section(rows)}" for name, rows in content.items())
    return "".join(_table(row) for row in content)


def _table(row: Mapping[str, Any]) -> str:
    cells = "".join(
        f"<tr><th>{escape(str(name).replace('_', ' '))}</th><td>{_text(value)}</td></tr>"
        for name, value in row.items()
    )
    return f"<table>{cells}</table>"


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{escape(str(k).replace('_', ' '))} {_text(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_text(item) for item in value)
    return escape(str(value))
