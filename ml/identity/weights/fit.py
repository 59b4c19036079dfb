"""Learning weights from pairs whose truth is known: logistic regression on levels and on chosen interactions.

Penalised (L2), on distinct patterns with their counts. Belongs here: from counted patterns to a readable
table. Does not belong here: where the patterns come from (`train.py`).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression

from ml.identity.pair_weights import JOINT, PRIOR
from ml.identity.weights.table import Floats, Key, Weights

Codes = npt.NDArray[np.int64]
PENALTY = 1.0
SILENT = ("unknown", "none", "no", "different", "person")
"""Levels that say nothing: they weigh 0, and so does every interaction that they take part in."""


@dataclass(frozen=True)
class Examples:
    """Counted patterns: `codes[i, j]` is the level of comparison j in pattern i, an index of `levels[j]`."""

    names: list[str]
    levels: list[list[str]]
    codes: Codes
    matches: Floats
    """Pairs of the pattern that are one customer."""
    others: Floats

    @classmethod
    def of(cls, patterns: pa.Table) -> Examples:
        """From a table of levels, `match_count` and `other_count`."""
        names = [name for name in patterns.column_names if name not in ("match_count", "other_count")]
        coded = [patterns[name].combine_chunks().dictionary_encode() for name in names]
        return cls(
            names,
            [column.dictionary.to_pylist() for column in coded],
            np.stack([np.asarray(column.indices, dtype=np.int64) for column in coded], axis=1),
            patterns["match_count"].to_numpy().astype(np.float64),
            patterns["other_count"].to_numpy().astype(np.float64),
        )


@dataclass(frozen=True)
class _Fit:
    prior: float
    terms: list[tuple[int, ...]]
    """Comparisons of each term, one or two."""
    effects: list[Floats]
    """Of each term a value per level, or per pair of levels; in bits."""


def fit(examples: Examples, interactions: int, version: str, penalty: float = PENALTY) -> Weights:
    """Weights of all levels and of the `interactions` pairs of comparisons that matter most."""
    count = len(examples.names)
    mains: list[tuple[int, ...]] = [(i,) for i in range(count)]
    pairs: list[tuple[int, ...]] = [(i, j) for i, j in itertools.combinations(range(count), 2)]
    chosen: list[tuple[int, ...]] = []
    if interactions:
        everything = _regress(examples, mains + pairs, penalty)
        strength: dict[tuple[int, ...], float] = {
            term: _interaction(examples, term, effect)
            for term, effect in zip(everything.terms, everything.effects, strict=True)
            if len(term) == 2
        }
        chosen = sorted(strength, key=lambda term: (-strength[term], term))[:interactions]
    return _readable(examples, _regress(examples, mains + chosen, penalty), version)


def _regress(examples: Examples, terms: list[tuple[int, ...]], penalty: float) -> _Fit:
    columns: list[Codes] = []
    sizes: list[int] = []
    for term in terms:
        index, size = _index(examples, term)
        columns.append(index + sum(sizes))
        sizes.append(size)
    rows, width = len(examples.codes), len(terms)
    design = csr_array(
        (np.ones(rows * width), np.stack(columns, axis=1).ravel(), np.arange(0, rows * width + 1, width)),
        shape=(rows, sum(sizes)),
    )
    both = np.concatenate([np.flatnonzero(examples.matches), np.flatnonzero(examples.others)])
    truth = np.repeat([1, 0], [np.count_nonzero(examples.matches), np.count_nonzero(examples.others)])
    weight = np.concatenate([examples.matches[examples.matches > 0], examples.others[examples.others > 0]])
    model = LogisticRegression(C=1 / penalty, max_iter=1000, tol=1e-5)
    model.fit(design[both], truth, sample_weight=weight)
    bits = model.coef_[0] / math.log(2)
    ends = np.cumsum(sizes)
    effects = [bits[end - size : end] for end, size in zip(ends, sizes, strict=True)]
    return _Fit(float(model.intercept_[0]) / math.log(2), terms, effects)


def _index(examples: Examples, term: tuple[int, ...]) -> tuple[Codes, int]:
    index, size = examples.codes[:, term[0]], len(examples.levels[term[0]])
    for further in term[1:]:
        size *= len(examples.levels[further])
        index = index * len(examples.levels[further]) + examples.codes[:, further]
    return index, size


def _interaction(examples: Examples, term: tuple[int, ...], effect: Floats) -> float:
    """How much of a term neither of its comparisons says alone: weighted variance of what is left."""
    weight = examples.matches + examples.others
    value = effect[_index(examples, term)[0]]
    for _ in range(3):
        for part in term:
            code, size = _index(examples, (part,))
            total = np.bincount(code, weight, size)
            mean = np.bincount(code, weight * value, size) / np.maximum(total, 1e-12)
            value = value - mean[code]
    return float(np.average(value**2, weights=weight))


def _readable(examples: Examples, model: _Fit, version: str) -> Weights:
    """The same sums with silent levels at 0: what they weighed moves to the others and the prior."""
    prior = model.prior
    main = {term[0]: e.copy() for term, e in zip(model.terms, model.effects, strict=True) if len(term) == 1}
    joint: dict[tuple[int, ...], Floats] = {}
    for term, effect in zip(model.terms, model.effects, strict=True):
        if len(term) == 1:
            continue
        first, second = (examples.levels[i] for i in term)
        grid = effect.reshape(len(first), len(second)).copy()
        row, column = _silent(first), _silent(second)
        main[term[0]] += grid[:, column] - grid[row, column]
        main[term[1]] += grid[row, :] - grid[row, column]
        prior += float(grid[row, column])
        joint[term] = grid - grid[:, [column]] - grid[[row], :] + grid[row, column]
    weights: dict[Key, float] = {}
    for i, name in enumerate(examples.names):
        base = main[i][_silent(examples.levels[i])]
        prior += float(base)
        weights |= {
            (name, level): float(w - base) for level, w in zip(examples.levels[i], main[i], strict=True)
        }
    for term, grid in joint.items():
        first, second = (examples.levels[i] for i in term)
        name = JOINT.join(examples.names[i] for i in term)
        for (i, left), (j, right) in itertools.product(enumerate(first), enumerate(second)):
            weights[name, f"{left}{JOINT}{right}"] = float(grid[i, j])
    rounded = {key: round(w, 3) for key, w in weights.items()}
    table = {(PRIOR, ""): round(prior, 3)}
    return Weights(version, table | {key: w for key, w in rounded.items() if w})


def _silent(levels: list[str]) -> int:
    """The level that says nothing, else the middle one of those there are."""
    found = [levels.index(level) for level in SILENT if level in levels]
    return found[0] if found else sorted(range(len(levels)), key=lambda i: levels[i])[len(levels) // 2]
