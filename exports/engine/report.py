"""A plan as text and as a page: counts, samples, reasons. Ids and names of fields, never values."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from exports.engine.plan import Plan
from stammkunde.files import write_atomically
from stammkunde.home import Home

_WORDS = {
    "upsert": "create or update",
    "restore": "bring back",
    "withdraw": "opt out",
    "archive": "archive",
    "delete": "remove",
    "merge": "merge",
    "erase": "erase",
}


def as_text(plan: Plan) -> str:
    """The plan in lines of text."""
    lines = [
        f"Plan {plan.plan_id}: {plan.sync} to {plan.destination}",
        f"  data: {plan.basis['published_version']}",
        f"  {plan.selected:,} customers selected, {plan.acknowledged:,} at the destination, "
        f"{plan.unchanged:,} unchanged, {plan.quarantined:,} rejected before and unchanged",
    ]
    lines += ["", "To do:"] if plan.counts else ["", "Nothing to do."]
    for name, count in plan.counts.items():
        operation, reason = name.split(":", 1)
        lines.append(f"  {count:>9,}  {_WORDS.get(operation, operation)} ({reason})")
    if plan.excluded:
        lines += ["", "Held back:"]
        lines += [f"  {count:>9,}  {verdict.replace('_', ' ')}" for verdict, count in plan.excluded.items()]
    if plan.samples:
        lines += ["", "For example:"]
        for operation, reason, key, changed in plan.samples:
            lines.append(f"  {operation:<9} {key}  {reason}{': ' + changed if changed else ''}")
    if plan.tripped:
        lines += ["", "STOPPED by guards; nothing but opt-outs and erasures would be sent:"]
        lines += [f"  {line}" for line in plan.tripped]
    return "\n".join(lines)


def as_html(plan: Plan) -> str:
    """The plan as a page without scripts or outside resources."""

    def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
        cells = "".join(f"<th>{escape(one)}</th>" for one in head)
        body = "".join("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in rows)
        return f"<table><tr>{cells}</tr>{body}</table>"

    counts = [
        (_WORDS.get(name.split(":")[0], name), name.split(":", 1)[1], f"{n:,}")
        for name, n in plan.counts.items()
    ]
    excluded = [(verdict.replace("_", " "), f"{count:,}") for verdict, count in plan.excluded.items()]
    tripped = "".join(f"<li>{escape(line)}</li>" for line in plan.tripped)
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{escape(plan.sync)}: plan {plan.plan_id}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }}
table {{ border-collapse: collapse; margin: .5rem 0 1.5rem }}
td, th {{ border-bottom: 1px solid #ccc; padding: .25rem .75rem; text-align: left }}
.stop {{ border-left: 4px solid #b00020; padding-left: 1rem }}
</style>
<h1>{escape(plan.sync)} &rarr; {escape(plan.destination)}</h1>
<p>Plan <code>{plan.plan_id}</code> on {escape(plan.basis["published_version"])}: {
        plan.selected:,} customers selected,
{plan.acknowledged:,} at the destination, {plan.unchanged:,} unchanged, {
        plan.quarantined:,} rejected before.</p>
{f'<div class="stop"><h2>Stopped by guards</h2><ul>{tripped}</ul></div>' if tripped else ""}
<h2>To do</h2>{table(("what", "why", "contacts"), counts) if counts else "<p>Nothing.</p>"}
<h2>Held back</h2>{table(("why", "customers"), excluded) if excluded else "<p>Nobody.</p>"}
<h2>For example</h2>{
        table(("what", "why", "customer", "changed fields"), [(o, r, k, c) for o, r, k, c in plan.samples])
    }
</html>
"""


def write_plan(home: Home, plan: Plan) -> Path:
    """Writes `exports/plans/<sync>-<plan id>.json` and `.html`, readable by the owner only; returns the
    page.
    """
    directory = home.exports / "plans"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    page = directory / f"{plan.sync}-{plan.plan_id}.html"
    write_atomically(page.with_suffix(".json"), plan.to_json().encode())
    write_atomically(page, as_html(plan).encode())
    return page
