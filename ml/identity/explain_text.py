"""An explanation as plain text for a terminal."""

from __future__ import annotations

from ml.identity.explain import Explanation
from ml.identity.pair_weights import JOINT, PRIOR, Item, PairEvidence


def in_words(name: str) -> str:
    """A column's or level's name for people."""
    return name.replace("_", " ")


def label(item: Item) -> str:
    """What an item says, in words."""
    if item.comparison == PRIOR:
        return "before any evidence"
    parts = zip(item.comparison.split(JOINT), item.level.split(JOINT), strict=True)
    return ", ".join(f"{in_words(name)}: {in_words(level)}" for name, level in parts)


def as_text(explanation: Explanation) -> str:
    """Several lines: the verdict, both records side by side, the evidence of every step."""
    lines = [explanation.verdict, ""]
    lines += _side_by_side(explanation)
    lines += ["", *_evidence_lines(explanation.direct, explanation, "The two, compared directly")]
    if len(explanation.chain) > 2:
        lines += ["", f"The path that joins them: {' – '.join(explanation.chain)}"]
        for step in explanation.steps:
            title = f"{step.record_id_a} – {step.record_id_b}"
            lines += ["", *_evidence_lines(step, explanation, title)]
    if explanation.clusters_apart:
        lines += ["", "What keeps the two customers apart:"]
        lines += [f"  {a} – {b}: {in_words(reason)}" for a, b, reason in explanation.clusters_apart]
    lines += ["", *decision_lines(explanation)]
    return "\n".join(lines)


def decision_lines(explanation: Explanation) -> list[str]:
    """What stewards decided, a line each."""
    if not explanation.decisions:
        return ["No steward has decided anything about them."]
    return ["Decisions of stewards:"] + [
        f"  {d.day} {d.author}: {d.action} {d.record_id_a} – {d.record_id_b}: {d.reason}"
        f" ({in_words(d.status)})"
        for d in explanation.decisions
    ]


def summary(step: PairEvidence, explanation: Explanation) -> str:
    """Weight, probability and what follows, in a sentence."""
    if step.same_content:
        return "Both hold the same, so they are one."
    text = (
        f"Together {step.weight:+.2f} bits, a probability of {percent(step.probability)}; "
        f"a match begins at {percent(explanation.matching.threshold)}."
    )
    if step.veto:
        text += f" A veto forbids it: {in_words(step.veto)}."
    if not step.was_candidate:
        text += " Matching had not compared them; they were compared just now."
    return text


def percent(share: float) -> str:
    """A probability; near 1 with as many digits as it takes not to say 100 %."""
    if 0.9995 <= share < 1:
        digits = 2
        while digits < 9 and f"{share:.{digits}%}".startswith("100"):
            digits += 1
        return f"{share:.{digits}%}".replace("%", " %")
    return f"{share:.1%}".replace("%", " %")


def _side_by_side(explanation: Explanation) -> list[str]:
    rows = [("", explanation.record_a, explanation.record_b), *explanation.values]
    first = max(len(in_words(name)) for name, _, _ in rows)
    second = max(len(_short(a)) for _, a, _ in rows)
    return [f"{in_words(name):<{first}}  {_short(a):<{second}}  {_short(b)}".rstrip() for name, a, b in rows]


def _short(value: str) -> str:
    return value if len(value) <= 40 else value[:39] + "…"


def _evidence_lines(step: PairEvidence, explanation: Explanation, title: str) -> list[str]:
    lines = [f"{title}:"]
    for item in step.items_by_size():
        lines.append(f"  {item.weight:+8.2f} bits  {label(item)}")
    return [*lines, f"  {summary(step, explanation)}"]
