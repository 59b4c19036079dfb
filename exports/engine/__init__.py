"""The sync engine: plans what changed, sends it, knows after any crash what the destination has."""

from exports.engine.optouts import queue_erasure

__all__ = ["queue_erasure"]
