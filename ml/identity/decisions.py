"""What stewards decided: two records are one customer (`link`), or are not (`unlink`).

The decisions stand in an append-only file of their own, one JSON object a line, so they outlive rebuilds of
the warehouse and retrained weights. Belongs here: the file, and which decisions are in force. Does not belong
here: what resolution makes of them (`resolve.py`).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from ml.identity.links import Chains
from stammkunde.errors import UserError
from stammkunde.files import fsync_path

ACTIONS = ("link", "unlink")
LONGEST_TEXT = 2000
"""Characters of a reason or an author's name."""

Pair = tuple[str, str]


class DecisionError(UserError):
    """A decision that cannot be taken, or a file of decisions that cannot be read."""


@dataclass(frozen=True)
class Decision:
    """One line of the file. `record_id_a < record_id_b`; `decided_at` is in UTC."""

    decision_id: str
    action: str
    record_id_a: str
    record_id_b: str
    author: str
    reason: str
    decided_at: datetime

    @property
    def pair(self) -> Pair:
        return (self.record_id_a, self.record_id_b)

    def __str__(self) -> str:
        """For messages."""
        return (
            f"{self.action} {self.record_id_a} – {self.record_id_b} "
            f"({self.author}, {self.decided_at:%Y-%m-%d}: {self.reason})"
        )


@dataclass(frozen=True)
class DecisionLog:
    """All decisions in the order taken; `torn_line` is what a crash left of one that was never confirmed."""

    decisions: tuple[Decision, ...] = ()
    torn_line: str | None = None

    @property
    def warnings(self) -> list[str]:
        if self.torn_line is None:
            return []
        return [
            f"the last line of the decisions is half written and left out ({len(self.torn_line)} characters)"
        ]


@dataclass(frozen=True)
class InForce:
    """The newest decision of every pair, and those that it replaced."""

    links: dict[Pair, Decision] = field(default_factory=dict)
    unlinks: dict[Pair, Decision] = field(default_factory=dict)
    superseded: dict[str, Decision] = field(default_factory=dict)
    """decision_id of the older decision → the newer one on the same pair."""


def read_decisions(path: Path) -> DecisionLog:
    """Reads the file; no file means no decisions. Raises DecisionError naming file and line."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return DecisionLog()
    decisions: list[Decision] = []
    lines = content.split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            decisions.append(_parse(line))
        except ValueError as error:
            if number == len(lines):  # without a line end: a crash while writing
                return DecisionLog(tuple(decisions), line.decode("utf-8", errors="replace"))
            raise DecisionError(f"{path}, line {number}: not a decision ({error})") from error
    return DecisionLog(tuple(decisions))


def in_force(decisions: Sequence[Decision]) -> InForce:
    """Of several decisions on the same pair the newest counts.

    Raises DecisionError when an unlink contradicts a chain of links; it names the chain.
    """
    newest: dict[Pair, Decision] = {}
    superseded: dict[str, Decision] = {}
    for decision in decisions:
        if decision.pair in newest:
            superseded[newest[decision.pair].decision_id] = decision
        newest[decision.pair] = decision
    links = {pair: d for pair, d in newest.items() if d.action == "link"}
    unlinks = {pair: d for pair, d in newest.items() if d.action == "unlink"}
    chains = Chains(links)
    for pair, decision in unlinks.items():
        chain = chains.between(*pair)
        if chain:
            raise DecisionError(
                f"contradiction: {decision}, but links join them: {' – '.join(chain)}; "
                f"unlink one of the chain first"
            )
    return InForce(links, unlinks, superseded)


def append_decision(
    path: Path, action: str, record_a: str, record_b: str, author: str, reason: str, decided_at: datetime
) -> tuple[Decision, list[str]]:
    """Takes a decision: returns it and what the steward should know (what it replaces, what was mended).

    The caller has checked that both records exist. When this returns, the decision is on disk.

    Raises DecisionError when the two are the same record, author or reason is missing, or the decision
    contradicts a chain of links.
    """
    author, reason = author.strip(), reason.strip()
    if action not in ACTIONS:
        raise DecisionError(f"{action!r} is no decision; use one of: {', '.join(ACTIONS)}")
    if record_a == record_b:
        raise DecisionError(f"{record_a} is one record; a decision needs two")
    for name, text in (("author", author), ("reason", reason)):
        if not text or len(text) > LONGEST_TEXT:
            raise DecisionError(f"a decision needs {name} of 1 to {LONGEST_TEXT} characters")
    first, second = sorted((record_a, record_b))
    with _locked(path):
        log = read_decisions(path)
        told = list(log.warnings)
        basis = "|".join([str(len(log.decisions)), action, first, second, author, reason, str(decided_at)])
        decision = Decision(
            f"d_{hashlib.sha256(basis.encode()).hexdigest()[:16]}",
            action, first, second, author, reason, decided_at,
        )  # fmt: skip
        after = in_force([*log.decisions, decision])
        told += [
            f"replaces the earlier decision: {old}"
            for old in log.decisions
            if after.superseded.get(old.decision_id) == decision
        ]
        _append(path, decision, torn=log.torn_line)
    return decision, told


def _parse(line: bytes) -> Decision:
    """A decision of its line. Raises ValueError with the reason."""
    values = json.loads(line)
    fields = ("decision_id", "action", "record_id_a", "record_id_b", "author", "reason", "decided_at")
    if not isinstance(values, dict):
        raise ValueError("expected one JSON object")
    for name in fields:
        if not isinstance(values.get(name), str) or not values[name]:
            raise ValueError(f"field {name!r} is missing or no text")
    if values["action"] not in ACTIONS:
        raise ValueError(f"action {values['action']!r} is neither link nor unlink")
    first, second = sorted((values["record_id_a"], values["record_id_b"]))
    if first == second:
        raise ValueError("both records are the same")
    decided_at = datetime.fromisoformat(values["decided_at"])
    if decided_at.tzinfo is None:
        raise ValueError("decided_at has no time zone")
    return Decision(
        values["decision_id"],
        values["action"],
        first,
        second,
        values["author"],
        values["reason"],
        decided_at,
    )


def _append(path: Path, decision: Decision, torn: str | None) -> None:
    """Writes the line and forces it to disk. A torn line was never confirmed, so it is cut off first."""
    new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
        with os.fdopen(descriptor, "r+b", closefd=False) as file:
            content = file.read()
            end = len(content)
            if torn is not None:
                end = content.rfind(b"\n") + 1
                file.truncate(end)
            file.seek(end)
            line = json.dumps(
                {**asdict(decision), "decided_at": decision.decided_at.isoformat()}, ensure_ascii=False
            )
            needs_line_end = end > 0 and content[end - 1 : end] != b"\n"
            file.write(b"\n" * needs_line_end + line.encode() + b"\n")
            file.flush()
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if new:
        fsync_path(path.parent)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One steward at a time; the lock goes with the process."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
