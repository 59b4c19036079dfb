"""Scores the candidate pairs: weights read and adapted, probability and vetoes per pattern, the threshold.

Reads `identity.int_pair_comparisons` and `int_record_keys` (dbt), writes `identity.pair_score`,
`matching_weight` and `matching_run`. Belongs here: the order of these steps and the tables.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import pyarrow as pa

from ml.identity.weights import threshold as thresholds
from ml.identity.weights.adapt import prior_shift
from ml.identity.weights.evidence_names import main_evidence
from ml.identity.weights.patterns import comparison_columns, number_patterns, pattern_id
from ml.identity.weights.table import SHIPPED, Floats, Weights, read_weights
from ml.identity.weights.vetoes import find_vetoes
from stammkunde.matching import MatchingSettings


@dataclass(frozen=True)
class ScoreResult:
    """What scoring did. `prior_shift` in bits; `expected_precision` of the threshold, 0–1."""

    pairs: int
    patterns: int
    version: str
    threshold: float
    expected_precision: float
    prior_shift: float
    vetoed_pairs: int


def score_pairs(connection: duckdb.DuckDBPyConnection, settings: MatchingSettings, as_of: date) -> ScoreResult:
    """Gives every candidate pair its weight and probability, in one transaction.

    Equal data and settings give equal tables. Raises ConfigError for weights that do not fit the comparisons.
    """
    shipped = read_weights(settings.weights or SHIPPED)
    patterns = number_patterns(connection)
    counts = patterns["pair_count"].to_numpy().astype(np.float64)
    weights, shift = _adapted(shipped, patterns, counts, settings)
    bits = weights.add_up(patterns)
    probability = 1 / (1 + 2.0 ** -np.clip(bits, -60, 60))
    vetoes = find_vetoes(patterns, settings.vetoes)
    scores = pa.table(
        {
            "pattern_id": patterns["pattern_id"],
            "match_weight": bits,
            "match_probability": probability,
            "veto": vetoes,
            "main_evidence": main_evidence(weights, patterns),
        }
    )
    connection.execute("begin transaction")
    try:
        _write_scores(connection, scores)
        calibration = _threshold(connection, settings)
        _write_weights(connection, weights)
        _write_run(connection, weights, calibration, settings, as_of)
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    vetoed = np.asarray(vetoes.is_valid())
    return ScoreResult(
        pairs=int(counts.sum()),
        patterns=len(counts),
        version=weights.version,
        threshold=calibration.threshold,
        expected_precision=round(calibration.expected_precision, 4),
        prior_shift=round(shift, 3),
        vetoed_pairs=int(counts[vetoed].sum()),
    )


def _adapted(
    shipped: Weights, patterns: pa.Table, counts: Floats, settings: MatchingSettings
) -> tuple[Weights, float]:
    """The weights with the prior of this data, and the shift in bits."""
    shift = 0.0
    if settings.adaptation.prior and shipped.learnt_share is not None:
        shift = settings.adaptation.prior * prior_shift(shipped.add_up(patterns), counts, shipped.learnt_share)
    shift = round(shift, 3)
    if not shift:
        return shipped, 0.0
    return shipped.with_prior(round(shipped.prior + shift, 3), f"{shipped.version}{shift:+.3f}"), shift


def _write_scores(connection: duckdb.DuckDBPyConnection, scores: pa.Table) -> None:
    connection.register("pattern_rows", scores)
    connection.execute("create or replace temp table pattern_score as select * from pattern_rows")
    connection.unregister("pattern_rows")
    names = comparison_columns(connection)
    connection.execute(
        f"""
        create or replace table identity.pair_score as
        select
            pair.record_id_a, pair.record_id_b, score.match_weight, score.match_probability, score.veto,
            score.pattern_id, score.main_evidence
        from identity.int_pair_comparisons as pair
        inner join pattern_score as score on {pattern_id(names)} = score.pattern_id
        """
    )


def _threshold(connection: duckdb.DuckDBPyConnection, settings: MatchingSettings) -> thresholds.Calibration:
    columns = connection.execute(
        """
        select a.record_no - 1 as a, b.record_no - 1 as b, score.match_probability as probability,
            score.veto is not null as vetoed
        from identity.pair_score as score
        inner join identity.int_record_keys as a on score.record_id_a = a.record_id
        inner join identity.int_record_keys as b on score.record_id_b = b.record_id
        where score.match_probability > 0.001 or score.veto is not null
        order by a, b
        """
    ).fetchnumpy()
    (count,) = connection.execute("select coalesce(max(record_no), 0) from identity.int_record_keys").fetchall()[0]
    pairs = thresholds.Pairs(int(count), *(np.asarray(columns[name]) for name in thresholds.Pairs._fields[1:]))
    if settings.threshold == "auto":
        return thresholds.calibrate(pairs, settings.target_precision)
    value = float(settings.threshold)
    return thresholds.Calibration(value, thresholds.expected_precision(pairs, value))


def _write_weights(connection: duckdb.DuckDBPyConnection, weights: Weights) -> None:
    keys = list(weights.weights)
    connection.register(
        "weight_rows",
        pa.table(
            {
                "version": pa.array([weights.version] * len(keys), pa.string()),
                "comparison": pa.array([comparison for comparison, _ in keys], pa.string()),
                "level": pa.array([level for _, level in keys], pa.string()),
                "weight": pa.array(list(weights.weights.values()), pa.float64()),
            }
        ),
    )
    connection.execute("create or replace table identity.matching_weight as select * from weight_rows")
    connection.unregister("weight_rows")


def _write_run(
    connection: duckdb.DuckDBPyConnection,
    weights: Weights,
    calibration: thresholds.Calibration,
    settings: MatchingSettings,
    as_of: date,
) -> None:
    digest = hashlib.sha256(settings.model_dump_json().encode()).hexdigest()[:8]
    how = "configuration" if settings.threshold != "auto" else "expected precision"
    connection.execute(
        """
        create or replace table identity.matching_run as
        select ?::varchar as version, ?::double as threshold, ?::varchar as calibrated_from,
            ?::double as expected_precision, ?::varchar[] as vetoes, ?::varchar as settings, ?::date as as_of_date
        """,
        [weights.version, calibration.threshold, how, round(calibration.expected_precision, 6),
            list(settings.vetoes), digest, as_of],
    )
