"""Fitting the shipped weights to data without labels, by expectation maximisation on pattern counts.

How many of the candidate pairs are one customer differs from retailer to retailer. Saerens, Latinne and
Decaestecker (2002): if patterns look the same among matches and among others as they did where the weights
were learnt, the share of matches is the one that the probabilities confirm on average.
"""

from __future__ import annotations

import math

import numpy as np

from ml.identity.weights.table import Floats

ROUNDS = 200
CLOSE = 1e-7
LEAST, MOST = 0.001, 0.999
REMEMBERED = 1000.0
"""Pairs of the learnt share that count along, so that a handful of pairs does not move the prior."""
LARGEST_SHIFT = 4.0
"""Bits by which the prior may move; more would mean that the weights do not fit the data at all."""


def prior_shift(bits: Floats, counts: Floats, learnt_share: float) -> float:
    """Bits to add to every pair's weight, so that the share of matches is that of the data.

    `bits`: weight per pattern with the prior of the `learnt_share`; `counts`: its pairs. 0 without pairs.
    """
    total = float(counts.sum()) + REMEMBERED
    share = learnt_share
    for _ in range(ROUNDS):
        before = share
        probability = 1 / (1 + 2.0 ** -np.clip(bits + _log_odds(share) - _log_odds(learnt_share), -60, 60))
        share = min(max((float(probability @ counts) + REMEMBERED * learnt_share) / total, LEAST), MOST)
        if abs(share - before) < CLOSE:
            break
    shift = _log_odds(share) - _log_odds(learnt_share)
    return float(np.clip(shift, -LARGEST_SHIFT, LARGEST_SHIFT))


def _log_odds(share: float) -> float:
    return math.log2(share / (1 - share))
