"""What other models say of the customers to be segmented: expected value and churn probability."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml import registry
from ml.data import FloatArray, fetch, numbers, value_basis
from ml.tables import ensure_tables

_RECENT_DAYS = 91


@dataclass(frozen=True)
class Scores:
    """One element per customer of the features; NaN where a model says nothing."""

    potential: FloatArray
    churn_probability: FloatArray
    clv_manifest: registry.Manifest | None
    warnings: list[str]


def load_scores(
    connection: duckdb.DuckDBPyConnection,
    features: pa.Table,
    as_of: date,
    horizon_days: int,
    models_directory: Path,
) -> Scores:
    """The scores of `as_of`; where clv has none of that day, the naive rule stands in and is named."""
    ensure_tables(connection)
    warnings, manifest = [], None
    clv = fetch(
        connection,
        "select customer_id, clv_amount::double as value, model_version from ml.customer_clv "
        "where as_of_date = ? order by customer_id",
        [as_of],
    )
    if clv.num_rows:
        potential = np.nan_to_num(_joined(features, clv, "value"))
        path = models_directory / "clv" / f"{clv['model_version'][0].as_py()}.json"
        manifest = registry.load(path) if path.exists() else None
    else:
        potential = naive_potential(features, horizon_days)
        warnings.append(
            f"Customer value of {as_of} is not scored: the potential is the mean of the 13-week and the "
            "lifetime rate."
        )
    churn = fetch(
        connection,
        "select customer_id, churn_probability as value from ml.customer_churn where as_of_date = ? "
        "order by customer_id",
        [as_of],
    )
    if not churn.num_rows:
        warnings.append(f"Churn of {as_of} is not scored: nobody who bought within the year is at risk.")
    return Scores(potential, _joined(features, churn, "value"), manifest, warnings)


def naive_potential(features: pa.Table, horizon_days: int) -> FloatArray:
    """Mean of the rate of the last 13 weeks and of the rate since the first purchase, times the horizon."""
    recent, _ = value_basis(numbers(features, "margin_amount_91"), numbers(features, "net_amount_91"))
    lifetime, _ = value_basis(numbers(features, "margin_amount"), numbers(features, "net_amount"))
    days = np.maximum(numbers(features, "tenure_days"), _RECENT_DAYS)
    return np.asarray((recent / _RECENT_DAYS + lifetime / days) / 2.0 * horizon_days)


def _joined(features: pa.Table, scores: pa.Table, column: str) -> FloatArray:
    at = pc.fill_null(
        pc.index_in(features["customer_id"].combine_chunks(), scores["customer_id"].combine_chunks()), -1
    )
    values = np.append(numbers(scores, column), np.nan)
    return np.asarray(values[np.asarray(at.to_numpy(zero_copy_only=False), dtype=np.int64)])
