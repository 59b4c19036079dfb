"""Score tables, report rows and versioned manifests."""

import json
from datetime import date

import duckdb
import pyarrow as pa
import pytest

from ml import ensure_tables, registry
from ml.report import ReportRow, compare, report_table
from ml.tables import TABLES, replace_scores
from stammkunde.errors import UserError

DAY = date(2025, 7, 1)


def artefact(**changes):
    values = {"model": "clv", "kind": "bgnbd", "as_of": DAY, "parameters": {"r": 0.25, "n": {"a": [1, 2.5]}}}
    return registry.Artefact(**(values | changes))


def test_equal_content_has_one_version_and_one_file(tmp_path):
    first, again = registry.save(artefact(), tmp_path), registry.save(artefact(), tmp_path)
    assert first == again and len(list((tmp_path / "clv").iterdir())) == 1
    assert artefact(parameters={"r": 0.26}).version != artefact().version
    assert artefact(parameters={"r": 0.25 + 1e-14, "n": {"a": [1, 2.5]}}).version == artefact().version


def test_a_manifest_is_read_back_and_its_checksum_verified(tmp_path):
    path = registry.save(artefact(features=("recency_days",), metrics={"auc": float("nan")}), tmp_path)
    manifest = registry.load(path)
    assert manifest["parameters"] == {"r": 0.25, "n": {"a": [1, 2.5]}}
    assert manifest["features"] == ["recency_days"] and manifest["metrics"] == {"auc": None}
    manifest["parameters"]["r"] = 0.5
    path.write_text(json.dumps(manifest))
    with pytest.raises(UserError, match="checksum does not match"):
        registry.load(path)
    path.write_text("{")
    with pytest.raises(UserError, match=r"clv.*cannot read"):
        registry.load(path)


def test_the_tables_exist_with_their_types_even_if_empty():
    connection = duckdb.connect()
    ensure_tables(connection)
    ensure_tables(connection)
    for table, columns in TABLES.items():
        described = connection.execute(f"describe ml.{table}").fetchall()
        assert {name: kind.lower() for name, kind, *_ in described} == columns


def scores(customer, amount):
    return pa.table(
        {
            "customer_id": [customer], "as_of_date": [DAY], "horizon_days": [365],
            "expected_purchases": [1.0], "alive_probability": pa.array([None], pa.float64()),
            "clv_amount": [amount], "clv_low_amount": [0.0], "clv_high_amount": [9.99999],
            "model_version": ["v"],
        }
    )  # fmt: skip


def test_scores_and_report_are_replaced_together_or_not_at_all():
    connection = duckdb.connect()
    report = report_table("clv", "v", DAY, [ReportRow("mae", 1.0)])
    assert replace_scores(connection, DAY, "clv", "customer_clv", scores("c1", 1.23456), report) == 1
    replace_scores(connection, DAY, "clv", "customer_clv", scores("c2", 2.0), report)
    assert (
        connection.execute("select customer_id, clv_high_amount from ml.customer_clv").fetchall()[0][0]
        == "c2"
    )
    assert connection.execute("select count(*) from ml.model_report").fetchone() == (1,)
    broken = scores("c3", 1.0).drop_columns(["model_version"])
    with pytest.raises(duckdb.Error):
        replace_scores(connection, DAY, "clv", "customer_clv", broken, report)
    assert connection.execute("select customer_id from ml.customer_clv").fetchall() == [("c2",)]


def test_report_rows_of_other_models_and_days_stay():
    connection = duckdb.connect()
    for model, day in (("clv", DAY), ("churn", DAY), ("clv", date(2025, 6, 30))):
        report = report_table(model, "v", day, [ReportRow("mae", 1.0)])
        table = {"clv": "customer_clv", "churn": "customer_churn"}[model]
        replace_scores(connection, day, model, table, None, report)
    assert connection.execute("select count(*) from ml.model_report").fetchone() == (3,)


def test_passing_is_being_at_least_as_good():
    words = {"baseline_name": "b", "split": "s", "population": "p"}
    assert compare("auc", 0.7, 0.7, **words).passed is True
    assert compare("auc", 0.6, 0.7, **words).passed is False
    assert compare("mae", 0.6, 0.7, lower_is_better=True, **words).passed is True
    assert compare("auc", None, 0.7, **words).passed is None
    table = report_table("m", "v", DAY, [ReportRow("x", float("nan")), ReportRow("y", 1 / 3)])
    assert table["value"].to_pylist() == [None, 0.333333]
