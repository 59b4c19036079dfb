"""The YAML of the raw sources says exactly what the contracts say."""

import duckdb
import yaml
from dbt_project import LINEAGE, RAW_TYPES

from ingestion.contracts import catalogue
from ingestion.raw import register_raw
from stammkunde.home import PROJECT_ROOT, Home

BOOKKEEPING = {"ingestion_load", "quarantine"}


def raw_source():
    path = PROJECT_ROOT / "dbt" / "models" / "staging" / "raw_sources.yml"
    (source,) = yaml.safe_load(path.read_text(encoding="utf-8"))["sources"]
    return {table["name"]: table for table in source["tables"]}


def contracts():
    return {table.raw_name: table for tables in catalogue().values() for table in tables.values()}


def test_the_same_tables():
    assert set(raw_source()) - BOOKKEEPING == set(contracts())


def test_the_same_columns_in_the_same_order_with_the_same_types():
    source = raw_source()
    for name, table in contracts().items():
        written = [(column["name"], column["data_type"]) for column in source[name]["columns"]]
        promised = [(f.name, RAW_TYPES[f.type]) for f in table.fields]
        assert written == [*promised, *LINEAGE.items()], name


def test_the_same_keys():
    source = raw_source()
    for name, table in contracts().items():
        meta = source[name]["config"]["meta"]
        assert meta == {"key": list(table.key), "replace_by": list(table.replace_by)}, name


def test_the_bookkeeping_has_the_columns_that_are_registered(tmp_path):
    with duckdb.connect() as connection:
        register_raw(connection, Home(tmp_path))
        for name in BOOKKEEPING:
            registered = connection.execute(
                "select column_name, lower(data_type) from duckdb_columns() "
                "where schema_name = 'raw' and table_name = ? order by column_index",
                [name],
            ).fetchall()
            written = [(c["name"], c["data_type"]) for c in raw_source()[name]["columns"]]
            assert written == registered, name
