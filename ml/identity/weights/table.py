"""Match weights as a table: one row per comparison and level, in bits, additive and readable.

Belongs here: reading, writing and adding up weights. Does not belong here: where they come from (`fit.py`,
`train.py`) and what is done with the sums (`score.py`).
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.identity.pair_weights import JOINT, PRIOR
from stammkunde.errors import ConfigError

Floats = npt.NDArray[np.float64]
Key = tuple[str, str]

SHIPPED = Path(__file__).parent / "weights.csv"
HEADER = ["comparison", "level", "weight"]
LIMIT = 40.0
"""Bits that a single weight may have; more is a mistake of who wrote the file."""


@dataclass(frozen=True)
class Weights:
    """Weights by (comparison, level); `version` names their origin.

    A comparison `a×b` is an interaction, its level `x×y`. A level that is not listed weighs nothing. The
    prior is the comparison `prior`: log2 of the odds of a candidate pair of which nothing else is known.
    """

    version: str
    weights: dict[Key, float]
    learnt_share: float | None = None
    """Share of matches among the pairs that the weights were learnt from; None if nobody knows."""

    @property
    def prior(self) -> float:
        return self.weights.get((PRIOR, ""), 0.0)

    def with_prior(self, bits: float, version: str | None = None) -> Weights:
        """The same weights with another prior."""
        return replace(self, weights={**self.weights, (PRIOR, ""): bits}, version=version or self.version)

    def comparisons(self) -> list[str]:
        """Names of all comparisons but the prior, interactions last, in the order of the file."""
        names = dict.fromkeys(name for name, _ in self.weights if name != PRIOR)
        return sorted(names, key=lambda name: JOINT in name)

    def add_up(self, patterns: pa.Table) -> Floats:
        """Sum of the weights of each row of `patterns` (a column of levels per comparison), in bits.

        Raises ConfigError for weights of comparisons that `patterns` does not have.
        """
        known = set(patterns.column_names)
        needed = {part for name in self.comparisons() for part in name.split(JOINT)}
        if needed - known:
            raise ConfigError(
                f"weights {self.version}: no such comparison: {', '.join(sorted(needed - known))}"
            )
        total = np.full(patterns.num_rows, self.prior)
        coded = {name: _coded(patterns[name]) for name in sorted(needed)}
        for name in self.comparisons():
            total += self._contribution(name, coded)
        return total

    def contribution(self, name: str, patterns: pa.Table) -> Floats:
        """What one comparison adds to each row, in bits."""
        return self._contribution(name, {part: _coded(patterns[part]) for part in name.split(JOINT)})

    def _contribution(self, name: str, coded: dict[str, tuple[npt.NDArray[np.int64], list[str]]]) -> Floats:
        """What one comparison or interaction adds to each row."""
        parts = name.split(JOINT)
        index, levels = coded[parts[0]]
        for part in parts[1:]:
            further, names = coded[part]
            index = index * len(names) + further
            levels = [f"{left}{JOINT}{right}" for left in levels for right in names]
        return np.array([self.weights.get((name, level), 0.0) for level in levels] or [0.0])[index]


def _coded(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], list[str]]:
    encoded = column.combine_chunks().dictionary_encode()
    return np.asarray(encoded.indices, dtype=np.int64), [
        str(level) for level in encoded.dictionary.to_pylist()
    ]


def read_weights(path: Path = SHIPPED) -> Weights:
    """Reads a weights file: CSV with comparison, level and weight in bits.

    The version is that of the manifest beside it (`weights.json`) if that belongs to this file, else made of
    its content. Raises ConfigError naming file and line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the weights ({error.strerror})") from error
    weights: dict[Key, float] = {}
    rows = csv.reader(text.splitlines())
    if next(rows, None) != HEADER:
        raise ConfigError(f"{path}, line 1: expected {','.join(HEADER)}")
    for line, row in enumerate(rows, start=2):
        try:
            comparison, level, value = row
            weight = float(value)
        except ValueError:
            raise ConfigError(f"{path}, line {line}: expected {','.join(HEADER)}") from None
        if not math.isfinite(weight) or abs(weight) > LIMIT:
            raise ConfigError(f"{path}, line {line}: a weight lies between -{LIMIT:g} and {LIMIT:g} bits")
        if (comparison, level) in weights:
            raise ConfigError(f"{path}, line {line}: {comparison} {level} is there twice")
        weights[comparison, level] = weight
    if (PRIOR, "") not in weights:
        raise ConfigError(f"{path}: the row {PRIOR},,… is missing")
    return Weights(*_origin(path, text, weights))


def write_weights(weights: Weights, path: Path, facts: dict[str, Any]) -> None:
    """Writes the file and beside it the manifest, which tells how the weights came to be."""
    lines = [",".join(HEADER)]
    lines += [f"{c},{level},{w:.3f}" for (c, level), w in weights.weights.items()]
    text = "\n".join(lines) + "\n"
    path.write_text(text, encoding="utf-8")
    manifest = {"version": weights.version, "content": _digest(text), **facts}
    path.with_suffix(".json").write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _origin(path: Path, text: str, weights: dict[Key, float]) -> tuple[str, dict[Key, float], float | None]:
    manifest = path.with_suffix(".json")
    facts = json.loads(manifest.read_text(encoding="utf-8")) if manifest.exists() else {}
    edited = facts.get("content") != _digest(text)
    share = facts.get("match_share")
    return (
        f"edited-{_digest(text)}" if edited else str(facts["version"]),
        weights,
        None if share is None else float(share),
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
