"""Each generic test of ours fails on rows that break it and passes on rows that do not."""

import duckdb
import jinja2
import pytest

from stammkunde.home import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "dbt" / "tests" / "generic"

# name → (arguments, rows that pass, rows that fail); the rows are a SELECT.
CASES = {
    "unique_combination": (
        {"columns": ["a", "b"]},
        "select * from (values (1, 1), (1, 2)) as rows(a, b)",
        "select * from (values (1, 1), (1, 1)) as rows(a, b)",
    ),
    "not_negative": (
        {"column_name": "a"},
        "select * from (values (0), (1), (null)) as rows(a)",
        "select * from (values (0), (-0.01)) as rows(a)",
    ),
    "between": (
        {"column_name": "a", "minimum": 0, "maximum": 1},
        "select * from (values (0), (1), (null)) as rows(a)",
        "select * from (values (0.5), (1.01)) as rows(a)",
    ),
    "equals_sum": (
        {"column_name": "total", "terms": ["net", "tax"]},
        "select * from (values (1.19, 1.00, 0.19), (1.00, 1.00, null)) as rows(total, net, tax)",
        "select * from (values (1.19, 1.00, 0.18)) as rows(total, net, tax)",
    ),
    "at_most_share": (
        {"condition": "a is null", "share": 0.5},
        "select * from (values (null), (1)) as rows(a)",
        "select * from (values (null), (null), (1)) as rows(a)",
    ),
    "equal_total": (
        {
            "expression": "a",
            "other_model": "(values (1), (2)) as other(b)",
            "other_expression": "b",
            "condition": "true",
            "other_condition": "true",
        },
        "select * from (values (3)) as rows(a)",
        "select * from (values (3.01)) as rows(a)",
    ),
    "holds": (
        {"condition": "a > b"},
        "select * from (values (2, 1)) as rows(a, b)",
        "select * from (values (2, 1), (null, 1)) as rows(a, b)",
    ),
}


def failing_rows(name, arguments, rows):
    text = (FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    start, end = text.index("{% test"), text.index("{% endtest %}")
    body = text[text.index("%}", start) + 2 : end]
    sql = jinja2.Environment().from_string(body).render(model=f"({rows}) as model", **arguments)
    return duckdb.connect().execute(sql).fetchall()


@pytest.mark.parametrize("name", sorted(CASES))
def test_it_passes_on_good_rows_and_fails_on_bad_ones(name):
    arguments, good, bad = CASES[name]
    assert failing_rows(name, arguments, good) == []
    assert failing_rows(name, arguments, bad) != []


def test_every_generic_test_has_its_case():
    assert {path.stem for path in FOLDER.glob("*.sql")} == set(CASES)
