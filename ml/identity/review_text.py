"""The review queue as text: what to decide, and how."""

from __future__ import annotations

import duckdb

from ml.identity.explain_text import in_words, percent

QUESTIONS = {
    "weak_link": "Really one customer? Only this pair holds its records together.",
    "almost": "One customer after all? The evidence is just too weak.",
    "vetoed": "One customer after all? The evidence is strong, a veto forbids it: {veto}.",
    "kept_apart": "One customer? They match, but joining them would break a guard.",
}


def queue_as_text(connection: duckdb.DuckDBPyConnection, limit: int) -> str:
    """The first `limit` pairs, with question, revenue at stake and the names of both records."""
    rows = connection.execute(
        """
        select
            queue.review_rank, queue.kind, queue.record_id_a, queue.record_id_b, queue.match_probability,
            queue.veto, queue.revenue_at_stake_amount,
            concat_ws(' ', a.first_name, a.last_name, a.company_name),
            concat_ws(' ', b.first_name, b.last_name, b.company_name)
        from identity.review_queue as queue
        left join identity.int_source_records as a on queue.record_id_a = a.record_id
        left join identity.int_source_records as b on queue.record_id_b = b.record_id
        order by queue.review_rank
        limit ?
        """,
        [limit],
    ).fetchall()
    if not rows:
        return "Nothing is uncertain: the review queue is empty."
    (total,) = connection.execute("select count(*) from identity.review_queue").fetchall()[0]
    lines = [f"{len(rows)} of {total:,} uncertain pairs, most revenue first"]
    for rank, kind, a, b, probability, veto, revenue, name_a, name_b in rows:
        question = QUESTIONS[kind].format(veto=in_words(veto or ""))
        lines += [
            "",
            f"{rank:>4}. {a} ({name_a or 'no name'}) – {b} ({name_b or 'no name'})",
            f"      {question}",
            f"      probability {percent(probability)}, revenue at stake {revenue:,.2f}",
        ]
    lines += [
        "",
        "See the evidence with 'stammkunde explain A B'; decide with 'stammkunde link A B --reason …' or",
        "'stammkunde unlink A B --reason …'. A decided pair leaves the queue with the next run.",
    ]
    return "\n".join(lines)
