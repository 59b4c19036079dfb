"""An explanation as a picture: one self-contained HTML page with a waterfall of weights for every step.

Each bar says in words, with sign and hatching, what its colour says. Belongs here: drawing. Does not belong
here: the facts (`explain.py`).
"""

from __future__ import annotations

from html import escape

from ml.identity.explain import Explanation
from ml.identity.explain_text import decision_lines, in_words, label, percent, summary
from ml.identity.pair_weights import Item, PairEvidence, bits

WIDTH, LEFT, RIGHT, ROW, TOP = 900, 300, 90, 30, 34
"""Of a picture in pixels: its width, the margins for labels and weights, the height of a row, the head."""

STYLE = """
:root { color-scheme: light dark;
  --for: #1b6ca8; --against: #b3541e; --line: #777; --ground: #fff; --ink: #1a1a1a; }
@media (prefers-color-scheme: dark) {
  :root { --for: #6db6ea; --against: #eba06f; --line: #999; --ground: #16181b; --ink: #eee; }
}
body { font: 16px/1.5 system-ui, sans-serif; max-width: 960px; margin: 2rem auto; padding: 0 1rem;
  background: var(--ground); color: var(--ink); }
h1 { font-size: 1.3rem; } h2 { font-size: 1.05rem; margin-top: 2rem; }
table { border-collapse: collapse; }
th, td { text-align: left; padding: .15rem 1.2rem .15rem 0; vertical-align: top; overflow-wrap: anywhere; }
tr.other td { font-weight: 600; }
svg { width: 100%; height: auto; } svg text { font-size: 14px; fill: var(--ink); }
.for { fill: var(--for); } .against { fill: url(#hatch); stroke: var(--against); stroke-width: 1.5; }
.hatch { stroke: var(--against); stroke-width: 3; } .axis { stroke: var(--line); }
.threshold { stroke: var(--ink); stroke-dasharray: 5 4; } .step { stroke: var(--line); stroke-width: 1; }
.total { fill: none; stroke: var(--ink); stroke-width: 2; }
"""


def as_html(explanation: Explanation) -> str:
    """A page that loads nothing from elsewhere."""
    steps = [("The two, compared directly", explanation.direct)]
    if len(explanation.chain) > 2:
        steps += [(f"{step.record_id_a} – {step.record_id_b}", step) for step in explanation.steps]
    title = f"{explanation.record_a} – {explanation.record_b}"
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>",
        f"<h1>{escape(explanation.verdict)}</h1>",
        _values_table(explanation),
    ]
    if len(explanation.chain) > 2:
        parts.append(f"<p>The path that joins them: {escape(' – '.join(explanation.chain))}</p>")
    for heading, step in steps:
        parts.append(f"<section><h2>{escape(heading)}</h2>")
        parts.append(waterfall(step, explanation))
        parts.append(f"<p>{escape(summary(step, explanation))}</p></section>")
    if explanation.clusters_apart:
        parts.append("<h2>What keeps the two customers apart</h2><ul>")
        parts += [
            f"<li>{escape(f'{a} – {b}: {in_words(reason)}')}</li>"
            for a, b, reason in explanation.clusters_apart
        ]
        parts.append("</ul>")
    head, *decided = decision_lines(explanation)
    parts.append(f"<p>{escape(head)}</p>")
    if decided:
        parts.append("<ul>" + "".join(f"<li>{escape(line.strip())}</li>" for line in decided) + "</ul>")
    parts.append("</main></body></html>\n")
    return "\n".join(parts)


def waterfall(step: PairEvidence, explanation: Explanation) -> str:
    """The picture of one pair: each bar begins where the one above it ended. Width in pixels: `WIDTH`."""
    items = step.items_by_size()
    threshold = bits(explanation.matching.threshold)
    ends = [0.0]
    for item in items:
        ends.append(ends[-1] + item.weight)
    marks = [*ends, threshold]
    low, high = min(marks), max(marks)
    span = (high - low) or 1.0

    def x(value: float) -> float:
        return round(LEFT + (value - low) / span * (WIDTH - LEFT - RIGHT), 1)

    height = TOP + ROW * (len(items) + 1) + 10
    told = "; ".join(f"{label(item)} {_signed(item)}" for item in items)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(told, quote=True)}">',
        '<defs><pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><line class="hatch" x1="0" y1="0" x2="0" y2="7"/></pattern></defs>',
        f'<line class="axis" x1="{x(0)}" y1="{TOP}" x2="{x(0)}" y2="{height - 8}"/>',
        f'<text x="{x(0)}" y="{TOP - 8}" text-anchor="middle">even odds</text>',
    ]
    near = abs(x(threshold) - x(0)) < 120
    parts.append(
        f'<line class="threshold" x1="{x(threshold)}" y1="{TOP}" x2="{x(threshold)}" y2="{height - 8}"/>'
        f'<text x="{x(threshold)}" y="{TOP - (22 if near else 8)}" text-anchor="middle">'
        f"match from {percent(explanation.matching.threshold)}</text>"
    )
    for row, item in enumerate(items):
        y = TOP + ROW * row
        parts.append(f'<text x="{LEFT - 12}" y="{y + 20}" text-anchor="end">{escape(label(item))}</text>')
        start, end = ends[row], ends[row + 1]
        left, width = min(x(start), x(end)), max(abs(x(end) - x(start)), 1.0)
        kind = "for" if item.weight >= 0 else "against"
        parts.append(f'<rect class="{kind}" x="{left}" y="{y + 6}" width="{width:.1f}" height="{ROW - 12}"/>')
        parts.append(f'<line class="step" x1="{x(end)}" y1="{y + 6}" x2="{x(end)}" y2="{y + ROW + 6}"/>')
        parts.append(f'<text x="{WIDTH - 4}" y="{y + 20}" text-anchor="end">{_signed(item)}</text>')
    y = TOP + ROW * len(items)
    left, width = min(x(0), x(step.weight)), max(abs(x(step.weight) - x(0)), 1.0)
    parts.append(f'<rect class="total" x="{left}" y="{y + 6}" width="{width:.1f}" height="{ROW - 12}"/>')
    parts.append(f'<text x="{LEFT - 12}" y="{y + 20}" text-anchor="end">together</text>')
    parts.append(f'<text x="{WIDTH - 4}" y="{y + 20}" text-anchor="end">{step.weight:+.1f} bits</text>')
    return "\n".join([*parts, "</svg>"])


def _signed(item: Item) -> str:
    return f"{item.weight:+.1f}"


def _values_table(explanation: Explanation) -> str:
    rows = [
        f'<tr class="{"same" if a == b else "other"}"><th scope="row">{escape(in_words(name))}</th>'
        f"<td>{escape(a)}</td><td>{escape(b)}</td></tr>"
        for name, a, b in explanation.values
    ]
    heads = "".join(
        f'<th scope="col">{escape(text)}</th>' for text in ("", explanation.record_a, explanation.record_b)
    )
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
