"""Recommendations: decayed counts, cosine, exclusions, proof against popularity, leakage, determinism."""

from datetime import date, timedelta

import duckdb
import numpy as np
import pytest
from ml_world import AS_OF, add_products, buy_till_leave, content, warehouse
from scipy import sparse

from ml.recommend import candidates, score
from stammkunde.config import Config


def run(connection, tmp_path, as_of=AS_OF):
    return score.run(connection, Config(), as_of, tmp_path / "models")


@pytest.fixture
def connection():
    connection = warehouse(buy_till_leave(800))
    add_products(connection)
    return connection


def shop(rows):
    connection = duckdb.connect()
    connection.execute("create schema features")
    connection.execute(
        "create table features.customer_product (customer_id varchar, product_no varchar, category varchar, "
        "purchase_date date, quantity decimal(18,4), net_amount decimal(18,4))"
    )
    connection.executemany(
        "insert into features.customer_product values (?, ?, 'c', ?, 1, 1)",
        [[customer, product, AS_OF - timedelta(days=age)] for customer, product, age in rows],
    )
    return connection


def test_a_purchase_counts_half_after_sixty_days():
    connection = shop([("c1", "a", 60), ("c1", "b", 1), ("c1", "a", 120), ("c1", "later", 0), ("c1", "z", 1)])
    table = candidates.buy_again(connection, AS_OF, 5).to_pylist()
    assert [row["product_no"] for row in table] == ["b", "z", "a"]  # equal scores by product number
    assert table[2]["score"] == pytest.approx(0.75)
    assert table[0]["score"] == pytest.approx(0.5 ** (1 / 60), abs=1e-6)


def test_cosine_is_that_of_the_columns():
    rng = np.random.default_rng(1)
    bought = (rng.random((200, 12)) < 0.3).astype(float)
    expected = bought.T @ bought / np.sqrt(np.outer(bought.sum(0), bought.sum(0)))
    np.fill_diagonal(expected, 0)
    found = candidates.item_cosine(sparse.csr_matrix(bought), 12).toarray()
    assert np.allclose(found, expected, atol=1e-8)
    nearest = candidates.item_cosine(sparse.csr_matrix(bought), 3).toarray()
    assert ((nearest > 0).sum(axis=1) == 3).all()
    for row, everything in zip(nearest, expected, strict=True):
        assert set(np.flatnonzero(row)) == set(np.argsort(-everything)[:3])


def test_the_largest_of_each_row_are_found_as_by_sorting():
    rng = np.random.default_rng(2)
    dense = np.round(rng.random((300, 40)), 1) * (rng.random((300, 40)) < 0.4) - 0.1 * (
        rng.random((300, 40)) < 0.1
    )
    dense = np.round(dense, 1)
    dense[7] = 0
    row, column, rank, value = candidates.top_of_rows(sparse.csr_matrix(dense), 5)
    for number, values in enumerate(dense):
        best = [c for c in np.lexsort([np.arange(40), -values]) if values[c] > 0][:5]
        mine = row == number
        assert column[mine][np.argsort(rank[mine])].tolist() == best
        assert np.allclose(np.sort(value[mine]), np.sort(values[best]))


def test_what_is_owned_is_not_discovered(connection, tmp_path):
    result = run(connection, tmp_path)
    assert result.model_version.startswith("own-counts+item-cosine@")
    owned, most, ranks = connection.execute(
        "select count(*) filter (kind = 'discover' and product_no in (select product_no from "
        "features.customer_product f "
        "where f.customer_id = r.customer_id)), max(recommendation_rank), count(distinct (customer_id, kind, "
        "recommendation_rank)) - count(*) from ml.recommendation r"
    ).fetchone()
    assert owned == 0 and most == 5 and ranks == 0
    strangers = connection.execute(
        "select count(*) from ml.recommendation r where kind = 'buy_again' and product_no not in "
        "(select product_no from features.customer_product f where f.customer_id = r.customer_id)"
    ).fetchone()
    assert strangers == (0,)
    for metric in ("recall_at_10_buy_again", "recall_at_10_discover"):
        own, popular, passed = connection.execute(
            "select value, baseline_value, passed from ml.model_report where metric = ?", [metric]
        ).fetchone()
        assert passed and own > popular + 0.1


def test_recall_is_the_share_of_what_was_bought():
    from ml.recommend.backtest import run_backtest

    rows = [
        ("c1", "a", 40),
        ("c1", "a", 3),
        ("c1", "new", 3),
        ("c2", "b", 50),
        ("c2", "a", 5),
        ("c3", "x", 2),
    ]
    outcome = run_backtest(shop(rows), AS_OF)
    again = outcome.rows[0]
    assert again.value == pytest.approx(0.25)  # c1 half, c2 nothing, c3 was no customer
    assert again.baseline_value == pytest.approx(0.75)
    assert outcome.buy_again is None  # two customers prove nothing


def test_where_cosine_has_not_proved_itself_the_popular_are_offered(tmp_path):
    rows = [(f"c{c}", f"p{c % 7}", 40 + c) for c in range(40)]
    connection = shop(rows)
    result = run(connection, tmp_path)
    assert result.model_version.startswith("own-counts+popularity@") and result.used_fallback
    assert any("nothing can be proved" in w for w in result.warnings)
    kinds = dict(connection.execute("select kind, count(*) from ml.recommendation group by kind").fetchall())
    assert kinds == {"buy_again": 40, "discover": 200}


def test_the_future_changes_nothing(connection, tmp_path):
    other = warehouse(buy_till_leave(800))
    add_products(other)
    as_of = AS_OF - timedelta(days=60)
    other.execute(
        "update features.customer_product set product_no = 'p0001' where purchase_date >= ?", [as_of]
    )
    run(connection, tmp_path / "a", as_of)
    run(other, tmp_path / "b", as_of)
    assert content(connection, "ml.recommendation") == content(other, "ml.recommendation")
    assert content(connection, "ml.model_report") == content(other, "ml.model_report")


def test_a_second_run_changes_nothing(connection, tmp_path):
    connection.execute("set threads = 4")
    run(connection, tmp_path)
    before = content(connection, "ml.recommendation"), content(connection, "ml.model_report")
    connection.execute("set threads = 1")
    run(connection, tmp_path)
    assert (content(connection, "ml.recommendation"), content(connection, "ml.model_report")) == before


def test_nothing_bought_is_said(connection, tmp_path):
    for empty, as_of in ((connection, date(2010, 1, 1)), (duckdb.connect(), AS_OF)):
        result = run(empty, tmp_path, as_of)
        assert result.rows == 0 and "nothing is recommended" in result.warnings[0]
        assert content(empty, "ml.recommendation") == []
