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

from ml.identity.evidence import has_rows
from ml.identity.weights import threshold as thresholds
from ml.identity.weights.adapt import prior_shift
from ml.identity.weights.evidence_names import main_evidence
from ml.identity.weights.patterns import comparison_columns, number_patterns, pattern_id
from ml.identity.weights.table import SHIPPED, Floats, Weights, read_weights
from ml.identity.weights.vetoes import find_vetoes
from stammkunde.matching import MatchingSettings

ALL, AFFECTED = "identity.int_pair_comparisons", "affected_comparison"


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


def score_pairs(
    connection: duckdb.DuckDBPyConnection, settings: MatchingSettings, as_of: date
) -> ScoreResult:
    """Gives every candidate pair its weight and probability, in one transaction.

    Equal data and settings give equal tables. Raises ConfigError for weights that do not fit the comparisons.
    """
    shipped = read_weights(settings.weights or SHIPPED)
    patterns = number_patterns(connection)
    counts = _counts(patterns)
    weights, shift = _adapted(shipped, patterns, counts, settings)
    scores = _scored(weights, patterns, settings)
    connection.execute("begin transaction")
    try:
        _use(connection, scores)
        connection.execute(f"create or replace table identity.pair_score as {_pairs_of(connection, ALL)}")
        calibration = _threshold(connection, settings)
        _write_weights(connection, weights)
        _write_run(connection, weights, calibration, shift, settings, as_of)
        connection.execute(
            "create or replace table identity.rescored_pair (record_id_a varchar, record_id_b varchar)"
        )
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    return ScoreResult(
        pairs=int(counts.sum()),
        patterns=len(counts),
        version=weights.version,
        threshold=calibration.threshold,
        expected_precision=round(calibration.precision, 4),
        prior_shift=round(shift, 3),
        vetoed_pairs=_vetoed(scores, counts),
    )


def can_score_affected(connection: duckdb.DuckDBPyConnection, settings: MatchingSettings) -> bool:
    """Whether the last scoring went by the same weights file and settings, so that it still holds."""
    if not has_rows(connection, "matching_run") or not has_rows(connection, "pair_score"):
        return False
    return connection.execute("select settings from identity.matching_run").fetchall() == [
        (_digest(settings),)
    ]


def score_affected(connection: duckdb.DuckDBPyConnection, settings: MatchingSettings) -> ScoreResult:
    """Scores the pairs of `identity.int_affected_pairs` anew, with weights and threshold of the last time.

    Leaves `identity.pair_score` as scoring everything with these would, and the pairs in `rescored_pair`.
    """
    rows = connection.execute(
        "select comparison, level, weight, version from identity.matching_weight"
    ).fetchall()
    weights = Weights(rows[0][3], {(comparison, level): weight for comparison, level, weight, _ in rows})
    connection.execute(
        f"""
        create or replace temp table {AFFECTED} as
        select compared.* from identity.int_pair_comparisons as compared
        semi join identity.int_affected_pairs as pair
            on compared.record_id_a = pair.record_id_a and compared.record_id_b = pair.record_id_b
        """
    )
    patterns = number_patterns(connection, AFFECTED)
    scores = _scored(weights, patterns, settings)
    connection.execute("begin transaction")
    try:
        _use(connection, scores)
        connection.execute(
            """
            create or replace table identity.rescored_pair as
            select distinct record_id_a, record_id_b from identity.int_affected_pairs
            """
        )
        connection.execute(
            """
            delete from identity.pair_score using identity.rescored_pair as pair
            where pair_score.record_id_a = pair.record_id_a and pair_score.record_id_b = pair.record_id_b
            """
        )
        connection.execute(f"insert into identity.pair_score by name {_pairs_of(connection, AFFECTED)}")
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    threshold, expected, shift = connection.execute(
        "select threshold, expected_precision, prior_shift from identity.matching_run"
    ).fetchall()[0]
    counts = _counts(patterns)
    return ScoreResult(
        int(counts.sum()),
        len(counts),
        weights.version,
        threshold,
        round(expected, 4),
        shift,
        _vetoed(scores, counts),
    )


def _counts(patterns: pa.Table) -> Floats:
    return patterns["pair_count"].to_numpy().astype(np.float64)


def _vetoed(scores: pa.Table, counts: Floats) -> int:
    return int(counts[np.asarray(scores["veto"].is_valid())].sum())


def _adapted(
    shipped: Weights, patterns: pa.Table, counts: Floats, settings: MatchingSettings
) -> tuple[Weights, float]:
    """The weights with the prior of this data, and the shift in bits."""
    shift = 0.0
    if settings.adaptation.prior and shipped.learnt_share is not None:
        shift = settings.adaptation.prior * prior_shift(
            shipped.add_up(patterns), counts, shipped.learnt_share
        )
    shift = round(shift, 3)
    if not shift:
        return shipped, 0.0
    return shipped.with_prior(round(shipped.prior + shift, 3), f"{shipped.version}{shift:+.3f}"), shift


def _scored(weights: Weights, patterns: pa.Table, settings: MatchingSettings) -> pa.Table:
    """Per pattern: weight in bits, probability, veto, the evidence that weighs most."""
    bits = weights.add_up(patterns)
    return pa.table(
        {
            "pattern_id": patterns["pattern_id"],
            "match_weight": bits,
            "match_probability": 1 / (1 + 2.0 ** -np.clip(bits, -60, 60)),
            "veto": find_vetoes(patterns, settings.vetoes),
            "main_evidence": main_evidence(weights, patterns),
        }
    )


def _use(connection: duckdb.DuckDBPyConnection, scores: pa.Table) -> None:
    connection.register("pattern_rows", scores)
    connection.execute("create or replace temp table pattern_score as select * from pattern_rows")
    connection.unregister("pattern_rows")


def _pairs_of(connection: duckdb.DuckDBPyConnection, compared: str) -> str:
    """SQL of the scores of the pairs of a relation."""
    return f"""
        select
            pair.record_id_a, pair.record_id_b, score.match_weight, score.match_probability, score.veto,
            score.pattern_id, score.main_evidence
        from {compared} as pair
        inner join pattern_score as score on {pattern_id(comparison_columns(connection))} = score.pattern_id
    """


def _threshold(connection: duckdb.DuckDBPyConnection, settings: MatchingSettings) -> thresholds.Calibration:
    pairs = thresholds.read_pairs(connection)
    if settings.threshold == "auto":
        return thresholds.calibrate(pairs, settings.wrong_match_weight)
    return thresholds.expect(thresholds.sample(pairs), float(settings.threshold))


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


def _digest(settings: MatchingSettings) -> str:
    """Of the settings and the weights file: what must be the same for old scores to hold."""
    weights = (settings.weights or SHIPPED).read_bytes()
    return hashlib.sha256(settings.model_dump_json().encode() + weights).hexdigest()[:12]


def _write_run(
    connection: duckdb.DuckDBPyConnection,
    weights: Weights,
    calibration: thresholds.Calibration,
    shift: float,
    settings: MatchingSettings,
    as_of: date,
) -> None:
    how = "configuration" if settings.threshold != "auto" else "expected precision and recall"
    connection.execute(
        """
        create or replace table identity.matching_run as
        select ?::varchar as version, ?::double as threshold, ?::varchar as calibrated_from,
            ?::double as expected_precision, ?::double as prior_shift, ?::varchar[] as vetoes,
            ?::varchar as settings, ?::date as as_of_date
        """,
        [
            weights.version, calibration.threshold, how, round(calibration.precision, 6), shift,
            list(settings.vetoes), _digest(settings), as_of,
        ],
    )  # fmt: skip
