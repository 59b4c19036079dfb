"""The receipt of an erasure: what was removed where, what was kept and why. It names no one."""

from __future__ import annotations

from typing import Any

from privacy.plan import Plan
from privacy.rules import RULES

SHARED = {
    "email": "an e-mail address that another customer uses as well stays in their records",
    "phone": "a telephone number that another customer uses as well stays in their records",
    "card": "a card that another customer uses as well stays on their receipts",
    "person": "another customer has the same name and address: their records stay",
}


def receipt_of(plan: Plan) -> dict[str, Any]:
    """The receipt as it is kept. Personal values are not in it; the customer ids mean nobody any more."""
    blanked = plan.survey.get("blanked", {})
    kept = [
        {"where": f"landing {table}", "rows": rows, "why": _why(table)}
        for table, rows in sorted(blanked.items())
    ]
    kept += [{"where": "records of other customers", "rows": None, "why": SHARED[kind]}
             for kind in plan.shared if kind in SHARED]  # fmt: skip
    kept.append(
        {"where": "privacy/tombstones.jsonl", "rows": len(plan.tombstones),
         "why": "keyed hashes, so that no later file brings the person back"}
    )  # fmt: skip
    return {
        "erasure_id": plan.erasure_id,
        "customer_ids": plan.customer_ids,
        "requested_at": plan.requested_at,
        "author": plan.author,
        "reason": plan.reason,
        "removed": {
            "landing rows": plan.survey.get("removed", {}),
            "warehouse rows": plan.done.get("warehouse", {}),
            "published versions": plan.done.get("published", {}),
            "stewards' files": plan.done.get("steward_files", {}),
            "exports": plan.done.get("exports", {}),
            "log lines masked": plan.done.get("logs", {}),
        },
        "kept": kept,
        "sources": _by_source(plan.record_ids),
        "deletion_queued_for_receivers": "exports/deletions.jsonl",
        "left": plan.done.get("search", []),
        "complete": not plan.done.get("search", []),
        "not_covered": [
            "the source systems themselves: delete the person there as well",
            "backups that were made before: let them run out, and erase again after restoring one",
            "models hold parameters learnt from many customers, nobody's values",
        ],
    }


def _why(table: str) -> str:
    return next((r.why for r in RULES if f"{r.source}.{r.table}" == table and r.blank), "")


def _by_source(record_ids: list[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for record in record_ids:
        source = record.split(":", 1)[0]
        counts[source] = counts.get(source, 0) + 1
    return counts
